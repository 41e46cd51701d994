"""Starts providers as the release does, one after the other, and collects every failure.

Upstream stops at the first. Here a failed provider takes only its dependents along, and each of those says so
once.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.schema_check import join
from llamastack_resolver.findings import Findings, Reason, Severity, Whose
from llamastack_resolver.installed.errors import MOST_CHARACTERS, describe_error, is_ours, tell_error
from llamastack_resolver.installed.lacking import lack_of
from llamastack_resolver.introspection import Layout
from llamastack_resolver.introspection.configs import load_class
from llamastack_resolver.introspection.specs import release_spec
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.filled_fields import METADATA_STORE, VECTOR_STORES, may_be_filled
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start.compliance import ComplianceRules, report_compliance
from llamastack_resolver.start.failure import InstantiationError
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.start.workers import WorkerPool, describe_for_workers, describe_siblings, runs_in_worker
from llamastack_resolver.start_plan.plan import PlanStep
from llamastack_resolver.start_plan.routing import INNER, ROUTING_TABLE
from llamastack_resolver.watching import Step, at, redactor, watcher

State = Literal["Ready", "Failed", "NonCompliant", "DependencyFailed", "Imported", "Unproven"]
_OTHER_VERSION = "use a version of the package that is made for this release"
_CONNECTION = "correct its `config`, or start what it connects to"
_SLOW = 60.0
"""Seconds after which a start is worth knowing."""
_PATIENCE = "give the startup probe that time (spec.server.probes.startup), or find out what the provider waits for"
_FACTORIES = {"remote": "get_adapter_impl", "inline": "get_provider_impl", "other": "get_provider_impl"}


@dataclass(frozen=True)
class Runtime:
    """What factories are given besides their config and dependencies.

    Attributes:
        layout: the installed release.
        knowledge: what it ships.
        run_config: the release's own run config object.
        dist_registry: the registry of resources.
        policy: access rules of the run config.
        specs: the release's own spec objects by API and provider type, and of modules by path and provider
            type.
        compliance: how much compliance matters.
        pool: takes the providers that run in worker processes.
    """

    layout: Layout
    knowledge: ReleaseKnowledge
    run_config: Any
    dist_registry: Any
    policy: list[Any] = field(default_factory=list)
    specs: dict[tuple[str, str], Any] = field(default_factory=dict)
    compliance: ComplianceRules = field(default_factory=ComplianceRules)
    pool: WorkerPool = field(default_factory=WorkerPool)


@dataclass(frozen=True)
class ProviderState:
    """What became of one provider."""

    api: str
    provider: ProviderWithSpec
    state: State
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of `status.providers`."""
        data: dict[str, Any] = {
            "api": self.api,
            "id": self.provider.provider_id,
            "type": self.provider.provider_type,
            "module": self.provider.spec.module,
            "moduleVersion": self.provider.module_version,
            "state": self.state,
            "message": self.message,
        }
        return {key: value for key, value in data.items() if value}


async def instantiate_providers(
    plan: Sequence[PlanStep],
    runtime: Runtime,
    findings: Findings,
    internal: dict[str, Any] | None = None,
    refused: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[ProviderState]]:
    """Start every provider of a plan.

    Args:
        plan: the start plan.
        runtime: the installed release.
        findings: where the failures go.
        internal: implementations that the stack has itself, by API.
        refused: why entries were refused before, by path; they are not tried, and not reported again.

    Returns:
        The implementations by API, and the state of every provider that the config names.
    """
    impls: dict[str, Any] = dict(internal or {})
    inner: dict[str, dict[str, Any]] = {}
    states: list[ProviderState] = []
    failed: set[str] = set()
    siblings: dict[str, dict[str, Any]] = {}
    for step in plan:
        for provider in step.providers:
            reason = (refused or {}).get(provider.entry.path) if provider.entry else None
            if reason is not None:
                state = ProviderState(step.api, provider, "Failed", reason)
            else:
                with at(step_of(step.api, provider, "starting", StartReason.INSTANTIATION_FAILED)):
                    state = await _start(step, provider, runtime, impls, inner, failed, findings)
            if state.state != "Ready":
                failed.add(step.api)
            elif not step.key.startswith(INNER):
                siblings.setdefault(step.api, {})[provider.provider_id] = impls[step.api]
            if provider.entry is not None:
                states.append(state)
                watcher().state(state.to_dict())
            watcher().found(findings)
    _introduce(siblings, runtime, findings)
    return impls, states


def step_of(api: str, provider: ProviderWithSpec, doing: str, reason: Reason) -> Step:
    """Return what is done with a provider; routers are those of all entries."""
    what = f"{doing} {_name(provider)}"
    if provider.entry is None:
        return Step(what, reason, "providers", api)
    return Step(what, reason, provider.entry.path, api, provider.provider_id, provider.provider_type)


def _introduce(siblings: Mapping[str, Mapping[str, Any]], runtime: Runtime, findings: Findings) -> None:
    """Tell providers of one API of each other, as the release does once all are there: it stops where one fails.

    What else it does then has no effect: the vector store table is given its router, and never looks at it.
    """
    if not runtime.knowledge.behaviour.tells_siblings:
        return
    for api, impls in siblings.items():
        for name, impl in impls.items():
            doing = f"set_sibling_providers() of {name}"
            try:
                with at(Step(doing, StartReason.INSTANTIATION_FAILED, f"providers.{api}", api, name)):
                    tell = getattr(impl, "set_sibling_providers", None)
                    if tell is not None:
                        tell({other: one for other, one in impls.items() if other != name})
            except BaseException as error:
                tell_error(error)
                message = f"{doing} failed: {describe_error(error, type(impl).__module__)}"
                reason, whose = StartReason.INSTANTIATION_FAILED, Whose(api=api, provider=name)
                findings.error(reason, message, f"providers.{api}", hint=_OTHER_VERSION, **whose)
    problem = describe_siblings(siblings, runtime)
    if problem:
        findings.error(StartReason.INSTANTIATION_FAILED, problem, "providers", hint=_OTHER_VERSION)


async def _start(
    step: PlanStep,
    provider: ProviderWithSpec,
    runtime: Runtime,
    impls: dict[str, Any],
    inner: dict[str, dict[str, Any]],
    failed: set[str],
    findings: Findings,
) -> ProviderState:
    lacking = [api for api in provider.spec.api_dependencies if api not in impls]
    if lacking:
        return _not_started(step, provider, lacking, failed, findings)
    deps = {
        runtime.layout.api(api): impls[api]
        for api in provider.spec.dependencies
        if api in impls and not api.startswith(INNER)
    }
    begun = time.monotonic()
    try:
        impl = await instantiate_provider(step, provider, deps, inner, runtime)
        complies = _complies(impl, step, provider, runtime, findings)
    except InstantiationError as error:
        if provider.entry is None:
            # All routers come from one module: what is wrong with it is said once.
            findings.error(error.reason, str(error), "providers", hint=error.hint)
        else:
            whose: Whose = {"api": step.api, "provider": provider.provider_id}
            findings.error(error.reason, str(error), provider.entry.path, hint=error.hint, **whose)
        return ProviderState(step.api, provider, "Failed", str(error))
    if step.key.startswith(INNER):
        inner.setdefault(step.key, {})[provider.provider_id] = impl
    else:
        impls[step.api] = impl
    seconds = time.monotonic() - begun
    if seconds > _SLOW and provider.entry is not None:
        whose = {"api": step.api, "provider": provider.provider_id}
        message = f"{_name(provider)} took {seconds:.0f} s to start"
        findings.info(StartReason.SLOW_START, message, provider.entry.path, hint=_PATIENCE, **whose)
    if complies:
        return ProviderState(step.api, provider, "Ready")
    # What depends on it is started with it all the same: its faults are its own.
    return ProviderState(step.api, provider, "NonCompliant", f"it does not implement the protocol of {step.api}")


def _complies(impl: Any, step: PlanStep, provider: ProviderWithSpec, runtime: Runtime, findings: Findings) -> bool:
    """Look at an instance, which answers by code of its own.

    Raises:
        InstantiationError: it cannot be looked at.
    """
    if provider.entry is None:
        return True
    try:
        return report_compliance(impl, step.api, provider, runtime.knowledge, runtime.compliance, findings)
    except BaseException as error:
        if isinstance(error, Exception) and is_ours(error):
            raise
        tell_error(error)
        message = f"the methods of {_name(provider)} cannot be looked at: {describe_error(error, provider.spec.module)}"
        raise InstantiationError(StartReason.INSTANTIATION_FAILED, message, _OTHER_VERSION) from error


def _not_started(
    step: PlanStep, provider: ProviderWithSpec, lacking: list[str], failed: set[str], findings: Findings
) -> ProviderState:
    """Return the state of a provider whose dependencies are lacking: a consequence where a finding says why they are,
    else what keeps the server from starting."""
    told = failed | {finding.api for finding in findings if finding.severity is Severity.ERROR and finding.api}
    unexplained = [api for api in lacking if api not in told]
    culprits = ", ".join(unexplained or lacking)
    message = f"not started: it needs {culprits}, which " + ("is not there" if unexplained else "failed")
    if provider.entry is not None:
        whose: Whose = {"api": step.api, "provider": provider.provider_id}
        report = findings.error if unexplained else findings.warning
        hint = _OTHER_VERSION if unexplained else f"see the findings of {culprits}"
        report(StartReason.DEPENDENCY_FAILED, message, provider.entry.path, hint=hint, **whose)
    return ProviderState(step.api, provider, "DependencyFailed", message)


async def instantiate_provider(
    step: PlanStep,
    provider: ProviderWithSpec,
    deps: dict[Any, Any],
    inner: dict[str, dict[str, Any]],
    runtime: Runtime,
) -> Any:
    """Call one factory and mark the instance as upstream does.

    Raises:
        InstantiationError: the module, the config or the factory failed.
    """
    module = import_provider(provider)
    config = None
    if provider.origin != "routed":
        config = make_config(provider, runtime.run_config, runtime.knowledge.behaviour)
        name = factory_name(provider.spec)
        args = [config, deps]
    elif provider.provider_type == ROUTING_TABLE:
        name = "get_routing_table_impl"
        impls = inner.setdefault(provider.deps[0], {})
        args = [runtime.layout.api(step.api), impls, deps, runtime.dist_registry, runtime.policy]
    else:
        name = "get_auto_router_impl"
        api = runtime.layout.api
        table = deps[api(provider.spec.api_dependencies[0])]
        args = [api(step.api), table, deps, runtime.run_config, runtime.policy]
    factory = factory_of(module, name)
    worker = provider.origin != "routed" and runs_in_worker(_own_spec(provider, runtime), runtime)
    if worker:
        describe_for_workers(_own_spec(provider, runtime), provider.provider_id, config, deps, runtime)
    if provider.origin != "routed":
        args += _further_arguments(factory, provider, runtime, worker)
    impl = await _call(factory, args, provider)
    if worker and hasattr(impl, "initialize"):
        await _call(impl.initialize, [], provider)
    _mark(impl, provider, config, deps, runtime)
    return impl


def factory_name(spec: ProviderSpec) -> str:
    """Return the name of the function that makes a provider."""
    return _FACTORIES[spec.kind]


def factory_of(module: Any, name: str) -> Any:
    """Return the function of a module that makes a provider.

    Raises:
        InstantiationError: it has none.
    """
    factory = getattr(module, name, None)
    if not callable(factory):
        raise InstantiationError(ModuleReason.SPEC_MISSING, f"{module.__name__} has no {name}()", _OTHER_VERSION)
    return factory


def not_async(name: str, returned: str) -> InstantiationError:
    """Return what is said of a factory whose result cannot be awaited.

    Args:
        name: of the factory.
        returned: the name of the class of what it returns.
    """
    message = f"{name}() has to be async: it returns {returned}"
    hint = "write `async def`; the server awaits what it returns, and stops"
    return InstantiationError(StartReason.INSTANTIATION_FAILED, message, hint)


def import_failure(provider: ProviderWithSpec, error: BaseException) -> InstantiationError:
    """Return what is said of a provider's module that cannot be imported."""
    return _failure(ModuleReason.MODULE_IMPORT_FAILED, "importing", provider, error)


def config_class_of(spec: ProviderSpec) -> type[Any]:
    """Import the config class of a provider.

    Raises:
        InstantiationError: there is no such class.
    """
    try:
        return load_class(spec.config_class or "")
    except BaseException as error:
        tell_error(error)
        message = f"config class {spec.config_class}: {describe_error(error, spec.config_class)}"
        raise InstantiationError(ModuleReason.MODULE_IMPORT_FAILED, message, _OTHER_VERSION) from error


def import_provider(provider: ProviderWithSpec) -> Any:
    """Import a provider's module.

    Raises:
        InstantiationError: it cannot be imported; the hint names the packages that the provider asks for.
    """
    try:
        return importlib.import_module(str(provider.spec.module))
    except BaseException as error:
        raise import_failure(provider, error) from error


def make_config(provider: ProviderWithSpec, run_config: Any, behaviour: Behaviour) -> Any:
    """Return the instance of a provider's config class, with what the release fills in by itself.

    Args:
        provider: the provider.
        run_config: the release's own run config object.
        behaviour: the release's rules.

    Raises:
        InstantiationError: there is no such class, or it refuses the config.
    """
    entry = provider.entry
    given = dict(entry.config) if entry else {}
    cls = config_class_of(provider.spec)
    possible = may_be_filled(provider.spec, getattr(cls, "model_fields", {}), behaviour)
    vector_stores = getattr(run_config, "vector_stores", None)
    if VECTOR_STORES in possible and vector_stores is not None:
        given[VECTOR_STORES] = vector_stores
    store = getattr(getattr(getattr(run_config, "storage", None), "stores", None), "vector_stores", None)
    if METADATA_STORE in possible and given.get(METADATA_STORE) is None and store is not None:
        given[METADATA_STORE] = store.model_dump()
    try:
        return cls(**given)
    except BaseException as error:
        hint = "correct what the message names in its `config`"
        message = _config_error(error, provider.spec.config_class)
        raise InstantiationError(ProviderReason.INVALID_PROVIDER_CONFIG, message, hint) from error


def _config_error(error: BaseException, config_class: str | None) -> str:
    """Return the mistakes without the values, which may be secrets; a validator may quote one all the same."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        tell_error(error)
        return describe_error(error, config_class)
    lines = []
    for item in errors(include_input=False, include_url=False):
        place = ""
        for part in item["loc"]:
            place = join(place, part)
        lines.append(f"{place}: {item['msg']}" if place else item["msg"])
    return redactor().text("; ".join(lines))[:MOST_CHARACTERS]


def _further_arguments(factory: Any, provider: ProviderWithSpec, runtime: Runtime, worker: bool) -> list[Any]:
    """Return what the release hands over where a factory names it; which that is depends on kind and release, and a
    worker gives it the policy alone."""
    behaviour, inline = runtime.knowledge.behaviour, provider.spec.kind != "remote"
    parameters = inspect.signature(factory).parameters
    arguments: list[Any] = []
    if "policy" in parameters and (inline or behaviour.remote_policy):
        arguments.append(runtime.policy)
    if "route_policy" in parameters and inline and behaviour.route_policy and not worker:
        auth = getattr(getattr(runtime.run_config, "server", None), "auth", None)
        arguments.append(getattr(auth, "route_policy", None) or [])
    telemetry = getattr(runtime.run_config, "telemetry", None)
    if "telemetry_enabled" in parameters and inline and behaviour.telemetry_flag and telemetry:
        arguments.append(telemetry.enabled)
    return arguments


async def _call(factory: Any, args: list[Any], provider: ProviderWithSpec) -> Any:
    """Call a factory as the server does, which waits for it without end: whoever checks has a deadline for all."""
    before = _cancellations()
    try:
        result = factory(*args)
        if inspect.isawaitable(result):
            return await result
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and _cancellations() > before:
            raise
        raise _failure(StartReason.INSTANTIATION_FAILED, "starting", provider, error) from error
    raise not_async(getattr(factory, "__name__", "the factory"), type(result).__name__)


def _cancellations() -> int:
    """Return how often the end of all this was asked for; a factory that raises CancelledError asks for nothing, and
    a task group that failed may leave one behind."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _failure(reason: Reason, doing: str, provider: ProviderWithSpec, error: BaseException) -> InstantiationError:
    hint = _OTHER_VERSION if isinstance(error, ImportError) else _CONNECTION
    lack = lack_of(provider.spec.module or "", error)
    if lack and lack.installed:
        hint = lack.cure
    elif isinstance(error, ImportError) and provider.spec.pip_packages:
        hint = f"the provider needs {', '.join(provider.spec.pip_packages)}"
    elif lack:
        hint = lack.cure
    sides = f" ({lack.what})" if lack and lack.what else ""
    tell_error(error)
    message = f"{doing} {_name(provider)} failed: {describe_error(error, provider.spec.module)}{sides}"
    return InstantiationError(reason, message, hint)


def _name(provider: ProviderWithSpec) -> str:
    return provider.provider_type if provider.entry else f"{provider.spec.module} of the release"


def _own_spec(provider: ProviderWithSpec, runtime: Runtime) -> Any:
    """Return the release's own spec object of a provider, by which its routing tables know it."""
    if provider.origin == "directory":
        return release_spec(provider.spec, runtime.layout)
    source = provider.module_entry if provider.origin == "module" else provider.spec.api
    return runtime.specs.get((source or "", provider.provider_type), provider.spec)


def _mark(impl: Any, provider: ProviderWithSpec, config: Any, deps: dict[Any, Any], runtime: Runtime) -> None:
    marks = {
        "__provider_id__": provider.provider_id,
        "__provider_spec__": _own_spec(provider, runtime),
        "__provider_config__": config,
        "__provider_deps__": deps,
    }
    for name, value in marks.items():
        try:
            setattr(impl, name, value)
        except BaseException as error:
            message = f"{type(impl).__name__} cannot carry {name}: {describe_error(error)}"
            hint = "ask the provider's author: the stack has to set attributes on its instances"
            raise InstantiationError(StartReason.INSTANTIATION_FAILED, message, hint) from error
