"""Resolves the providers of a Llama Stack run config, for every release, without importing the operator.

`resolve()` answers for a run config: it takes what a release ships (`ReleaseKnowledge`, from the catalog or of an
installed release) and the variables that the server will see (`Environment`), and gives findings and a start plan.
The other names are those of upstream's resolver (`resolve_impls`, `validate_and_prepare_providers`,
`topological_sort`, ...); `docs/resolver.md` tells which module answers which question. Names are imported when they
are used, and `typing` never, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from llamastack_resolver.config.env import Environment
    from llamastack_resolver.findings import Finding
    from llamastack_resolver.knowledge import ReleaseKnowledge
    from llamastack_resolver.providers.validation import (
        InvalidProviderError,
        ProviderWithSpec,
        validate_and_prepare_providers,
    )
    from llamastack_resolver.releases import Release
    from llamastack_resolver.resolution import resolve
    from llamastack_resolver.server.remote import resolve_remote_stack_impls
    from llamastack_resolver.start.compliance import check_protocol_compliance
    from llamastack_resolver.start.implementations import api_protocol_map, resolve_impls
    from llamastack_resolver.start.instantiate import instantiate_providers
    from llamastack_resolver.start_plan.order import sort_providers_by_deps, topological_sort
    from llamastack_resolver.start_plan.routing import specs_for_autorouted_apis

_HOMES = {
    "Environment": "config.env",
    "Finding": "findings",
    "InvalidProviderError": "providers.validation",
    "ProviderWithSpec": "providers.validation",
    "Release": "releases",
    "ReleaseKnowledge": "knowledge",
    "api_protocol_map": "start.implementations",
    "check_protocol_compliance": "start.compliance",
    "instantiate_providers": "start.instantiate",
    "resolve": "resolution",
    "resolve_impls": "start.implementations",
    "resolve_remote_stack_impls": "server.remote",
    "sort_providers_by_deps": "start_plan.order",
    "specs_for_autorouted_apis": "start_plan.routing",
    "topological_sort": "start_plan.order",
    "validate_and_prepare_providers": "providers.validation",
}

__all__ = [
    "Environment",
    "Finding",
    "InvalidProviderError",
    "ProviderWithSpec",
    "Release",
    "ReleaseKnowledge",
    "api_protocol_map",
    "check_protocol_compliance",
    "instantiate_providers",
    "resolve",
    "resolve_impls",
    "resolve_remote_stack_impls",
    "sort_providers_by_deps",
    "specs_for_autorouted_apis",
    "topological_sort",
    "validate_and_prepare_providers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
