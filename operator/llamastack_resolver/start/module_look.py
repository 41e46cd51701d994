"""A look at a module's provider that starts nothing: its config class, its factory, and the class of what it makes."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.installed.errors import describe_error, tell_error
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start.compliance import ComplianceRules, report_compliance
from llamastack_resolver.start.failure import InstantiationError
from llamastack_resolver.start.instantiate import (
    ProviderState,
    config_class_of,
    factory_name,
    factory_of,
    import_failure,
    import_provider,
    not_async,
    step_of,
)
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.start.returned import returned_class
from llamastack_resolver.watching import at, watcher

_BESIDE_CONFIG = ("policy", "route_policy", "telemetry_enabled")
"""What releases hand over by name where a factory asks for it, besides config and dependencies."""
_AUTHOR = "write it as the release calls it: `async def {}(config, deps)`"


def look_at(
    provider: ProviderWithSpec, knowledge: ReleaseKnowledge, findings: Findings, whole: bool
) -> ProviderState | None:
    """Look at a provider without starting it.

    Args:
        provider: the provider.
        knowledge: the release.
        findings: where they go.
        whole: whether its class is looked at too; otherwise an instance will be.

    Returns:
        Its state; None where nothing is wrong so far, and its class was not looked at.
    """
    api, spec = provider.spec.api, provider.spec
    path, whose = provider.entry.path if provider.entry else "", Whose(api=api, provider=provider.provider_id)
    state = ProviderState(api, provider, "Failed")
    try:
        with at(step_of(api, provider, "importing", ModuleReason.MODULE_IMPORT_FAILED)):
            factory = factory_of(import_provider(provider), factory_name(spec))
        with at(step_of(api, provider, "importing the config class of", ModuleReason.MODULE_IMPORT_FAILED)):
            config_class_of(spec)
        if whole:
            with at(step_of(api, provider, "looking at the factory of", ModuleReason.MODULE_IMPORT_FAILED)):
                state = _looked_at(factory, provider, knowledge, findings)
    except InstantiationError as error:
        findings.error(error.reason, str(error), path, hint=error.hint, **whose)
        state = replace(state, message=str(error))
    watcher().found(findings)
    if not whole and not state.message:
        return None
    watcher().state(state.to_dict())
    return state


def _looked_at(
    factory: Any, provider: ProviderWithSpec, knowledge: ReleaseKnowledge, findings: Findings
) -> ProviderState:
    """Look at a factory, and at the class of what it returns.

    Raises:
        InstantiationError: it cannot be called as the release does, or its class cannot be imported.
    """
    api = provider.spec.api
    try:
        cls = returned_class(inspect.unwrap(factory))
    except LookupError:
        cls = None
    except BaseException as error:
        raise import_failure(provider, error) from error
    _callable(factory, provider, cls, findings)
    if cls is None:
        untold = "the source of its factory does not tell its class: start it with --config"
        return ProviderState(api, provider, "Imported", untold)
    try:
        complies = report_compliance(cls, api, provider, knowledge, ComplianceRules(), findings)
    except Exception as error:
        tell_error(error)
        message = (
            f"the methods of {provider.provider_type} cannot be looked at: {describe_error(error, cls.__module__)}"
        )
        raise InstantiationError(StartReason.INSTANTIATION_FAILED, message, "correct the class") from error
    if not complies:
        return ProviderState(api, provider, "NonCompliant", f"it does not implement the protocol of {api}")
    return ProviderState(api, provider, "Imported", f"{cls.__name__} was looked at, and not started")


def _callable(factory: Any, provider: ProviderWithSpec, cls: type | None, findings: Findings) -> None:
    """Look at how a factory can be called.

    Raises:
        InstantiationError: not as the release does it.
    """
    name, hint = factory_name(provider.spec), _AUTHOR.format(factory_name(provider.spec))
    function = inspect.unwrap(factory)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise not_async(name, "a generator")
    try:
        signature = inspect.signature(factory)
        given = [None] * (2 + sum(one in signature.parameters for one in _BESIDE_CONFIG))
        signature.bind(*given)
    except TypeError as error:
        message = f"{name}() cannot be called with config and dependencies: {error}"
        raise InstantiationError(StartReason.INSTANTIATION_FAILED, message, hint) from error
    except ValueError:
        return
    if inspect.isfunction(function) and not inspect.iscoroutinefunction(function):
        if cls is not None:
            raise not_async(name, cls.__name__)
        message, path = f"{name}() is not async: what it returns has to be awaitable", f"providers.{provider.spec.api}"
        whose = Whose(api=provider.spec.api, provider=provider.provider_id)
        where = provider.entry.path if provider.entry else path
        findings.warning(StartReason.INSTANTIATION_FAILED, message, where, hint=hint, **whose)
