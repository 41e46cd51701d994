"""The start plan: what a stack starts, in which order, and why in that order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start_plan.order import dependency_graph
from llamastack_resolver.start_plan.routing import INNER, ROUTING_TABLE


class PlanStep(NamedTuple):
    """One API of the plan: its providers, its routing table or its router.

    Attributes:
        key: `inner-<api>` for providers behind a router, the API's name otherwise.
        providers: what is started.
        depends_on: keys of the steps that come before it because it needs them.
    """

    key: str
    providers: tuple[ProviderWithSpec, ...]
    depends_on: tuple[str, ...]

    @property
    def api(self) -> str:
        """The API's name."""
        return self.key.removeprefix(INNER)

    @property
    def stage(self) -> str:
        """`providers`, `table` or `router`."""
        if not self.providers or self.providers[0].origin != "routed":
            return "providers"
        return "table" if self.providers[0].provider_type == ROUTING_TABLE else "router"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `llamastack resolve`."""
        return {
            "api": self.api,
            "stage": self.stage,
            "providers": [
                {
                    "id": provider.provider_id,
                    "type": provider.provider_type,
                    "module": provider.spec.module,
                    "origin": provider.origin,
                    **({"moduleVersion": provider.module_version} if provider.module_version else {}),
                    **({"condition": str(provider.condition)} if provider.condition else {}),
                }
                for provider in self.providers
            ],
            "dependsOn": list(dict.fromkeys(key.removeprefix(INNER) for key in self.depends_on)),
        }


def make_plan(ordered: Sequence[tuple[str, ProviderWithSpec]]) -> tuple[PlanStep, ...]:
    """Group sorted providers into steps."""
    groups: dict[str, list[ProviderWithSpec]] = {}
    for key, provider in ordered:
        groups.setdefault(key, []).append(provider)
    graph = dependency_graph(groups)
    return tuple(PlanStep(key, tuple(group), tuple(graph[key])) for key, group in groups.items())
