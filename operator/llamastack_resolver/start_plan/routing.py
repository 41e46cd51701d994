"""The specs that a stack adds by itself: a routing table and a router for each routed API.

Upstream: `specs_for_autorouted_apis` and `builtin_automatically_routed_apis`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.validation import BUILTIN_KEY, ProviderWithSpec

ROUTING_TABLE = "__routing_table__"
AUTOROUTED = "__autorouted__"
INNER = "inner-"


def apis_to_serve(apis: Iterable[str] | None, keys: Collection[str], knowledge: ReleaseKnowledge) -> set[str]:
    """Return the APIs that get a router: those of the config's `apis`, or all where the list is absent or
    empty."""
    listed = set(apis or ())
    return listed or {*keys, *knowledge.routing_table_apis, *knowledge.router_apis}


def specs_for_autorouted_apis(
    served: Collection[str], knowledge: ReleaseKnowledge
) -> dict[str, dict[str, ProviderWithSpec]]:
    """Return routing table and router for each routed API in `served`, by key and `__builtin__`."""
    specs = {}
    for pair in knowledge.routed:
        if pair.router not in served:
            continue
        table = ProviderSpec(pair.table, ROUTING_TABLE, kind="other", module=knowledge.routers_module)
        specs[pair.table] = {
            BUILTIN_KEY: ProviderWithSpec(
                ROUTING_TABLE, ROUTING_TABLE, table, origin="routed", deps=(f"{INNER}{pair.router}",)
            )
        }
        router = ProviderSpec(
            pair.router,
            AUTOROUTED,
            kind="other",
            module=knowledge.routers_module,
            api_dependencies=pair.requires or (pair.table,),
            optional_api_dependencies=pair.optional,
        )
        specs[pair.router] = {BUILTIN_KEY: ProviderWithSpec(AUTOROUTED, AUTOROUTED, router, origin="routed")}
    return specs
