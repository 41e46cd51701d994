"""Resolves the providers of a Llama Stack run config, for every release, without importing the operator.

The names are those of upstream's resolver (`resolve_impls`, `validate_and_prepare_providers`,
`topological_sort`, ...); `docs/resolver.md` tells which module answers which question. They are imported when
they are used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llamastack_resolver.providers.validation import (
        InvalidProviderError,
        ProviderWithSpec,
        validate_and_prepare_providers,
    )
    from llamastack_resolver.server.remote import resolve_remote_stack_impls
    from llamastack_resolver.start.compliance import check_protocol_compliance
    from llamastack_resolver.start.implementations import api_protocol_map, resolve_impls
    from llamastack_resolver.start.instantiate import instantiate_providers
    from llamastack_resolver.start_plan.order import sort_providers_by_deps, topological_sort
    from llamastack_resolver.start_plan.routing import specs_for_autorouted_apis

_HOMES = {
    "InvalidProviderError": "validation",
    "ProviderWithSpec": "validation",
    "api_protocol_map": "implementations",
    "check_protocol_compliance": "compliance",
    "instantiate_providers": "instantiate",
    "resolve_impls": "implementations",
    "resolve_remote_stack_impls": "remote",
    "sort_providers_by_deps": "order",
    "specs_for_autorouted_apis": "routing",
    "topological_sort": "order",
    "validate_and_prepare_providers": "validation",
}

__all__ = [
    "InvalidProviderError",
    "ProviderWithSpec",
    "api_protocol_map",
    "check_protocol_compliance",
    "instantiate_providers",
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
