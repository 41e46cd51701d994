"""What providers need around them to be started: the release's run config object, its storage, a registry.

The registry of resources is kept in memory, so that a check never writes into a stack's database.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.installed.errors import MOST_CHARACTERS, describe_error, tell_error
from llamastack_resolver.installed.release import InstalledModules
from llamastack_resolver.introspection import Layout
from llamastack_resolver.introspection.specs import name_of
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.start.compliance import ComplianceRules
from llamastack_resolver.start.instantiate import Runtime
from llamastack_resolver.watching import redactor


class MemoryRegistry:
    """A `DistributionRegistry` (upstream's protocol) that forgets everything when the check ends."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Any] = {}

    async def initialize(self) -> None:
        """There is nothing to open."""

    async def get_all(self) -> list[Any]:
        """Return every object."""
        return list(self._objects.values())

    async def get(self, type: str, identifier: str) -> Any:
        """Return one object, None where there is none."""
        return self._objects.get((type, identifier))

    def get_cached(self, type: str, identifier: str) -> Any:
        """Return one object, None where there is none."""
        return self._objects.get((type, identifier))

    async def update(self, obj: Any) -> Any:
        """Replace an object."""
        self._objects[obj.type, obj.identifier] = obj
        return obj

    async def register(self, obj: Any) -> bool:
        """Add an object."""
        self._objects[obj.type, obj.identifier] = obj
        return True

    async def delete(self, type: str, identifier: str) -> None:
        """Remove an object."""
        self._objects.pop((type, identifier), None)


def make_runtime(
    raw: Mapping[str, Any],
    layout: Layout,
    knowledge: ReleaseKnowledge,
    modules: InstalledModules,
    compliance: ComplianceRules,
    findings: Findings,
) -> Runtime | None:
    """Return what factories need, made by the release itself; None after saying why it refuses.

    Args:
        raw: the run config with its references; the release substitutes them from this process's environment.
        layout: the installed release.
        knowledge: what it ships.
        modules: external modules, already loaded.
        compliance: how much compliance matters.
        findings: where a refusal goes.
    """
    try:
        run_config = layout.module("configure").parse_and_maybe_upgrade_config(dict(raw))
    except Exception as error:
        message = f"{knowledge.release} refuses the run config: {_refusal(error)}"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint="correct what the message names")
        return None
    stack = layout.module("stack")
    try:
        if hasattr(stack, "_initialize_storage"):
            stack._initialize_storage(run_config)
    except Exception as error:
        tell_error(error)
        message = f"storage cannot be initialized: {describe_error(error)}"
        findings.error(
            ConfigReason.SERVER_CANNOT_START,
            message,
            "storage.backends",
            hint="correct the backend, or let the server reach it",
        )
        return None
    auth = getattr(run_config.server, "auth", None)
    return Runtime(
        layout=layout,
        knowledge=knowledge,
        run_config=run_config,
        dist_registry=MemoryRegistry(),
        policy=list(getattr(auth, "access_policy", None) or []),
        specs={**_builtin_specs(layout), **modules.specs},
        compliance=compliance,
    )


def internal_impls(runtime: Runtime, findings: Findings) -> dict[str, Any]:
    """Return the implementations that the stack has itself (since 0.3.0), by API."""
    stack = runtime.layout.module("stack")
    add = getattr(stack, "add_internal_implementations", None)
    # Before 0.3.0 they are added after the providers, so that no provider can depend on them.
    if add is None or "internal_impls" not in inspect.signature(runtime.layout.resolver.resolve_impls).parameters:
        return {}
    impls: dict[Any, Any] = {}
    try:
        wants_policy = "policy" in inspect.signature(add).parameters
        add(impls, runtime.run_config, *([runtime.policy] if wants_policy else []))
    except Exception as error:
        tell_error(error)
        message = f"the stack's own APIs cannot be made: {describe_error(error)}"
        findings.error(ConfigReason.SERVER_CANNOT_START, message, "apis", hint="correct what the error names")
    return {name_of(api): impl for api, impl in impls.items()}


def _builtin_specs(layout: Layout) -> dict[tuple[str, str], Any]:
    """Return the release's own spec objects, which instances carry as `__provider_spec__`."""
    specs: dict[tuple[str, str], Any] = {}
    for api, types in layout.module("distribution").get_provider_registry().items():
        specs.update({(name_of(api), name): spec for name, spec in types.items()})
    pairs = layout.module("distribution").builtin_automatically_routed_apis()
    routers = [name_of(pair.router_api) for pair in pairs]
    for api, entries in layout.resolver.specs_for_autorouted_apis(routers).items():
        specs.update({(api, entry.provider_type): entry.spec for entry in entries.values()})
    return specs


def _refusal(error: Exception) -> str:
    """Return pydantic's mistakes without the values, which may be secrets."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return describe_error(error)
    items = errors(include_input=False, include_url=False)
    text = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in items)
    return redactor().text(text)[:MOST_CHARACTERS]
