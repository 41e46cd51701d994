"""The order in which a stack starts its providers.

Dependencies are between APIs. The order is the depth-first one of the seed release, so it is the same on
every run and follows the config. Upstream noticed no cycles before ogx 1.2: a cycle was skipped silently, and
what depended on a later API failed, or lacked an optional one. Cycles are found here for every release, and
judged as the release does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llamastack_resolver.config.condition import Condition, both
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start_plan.reasons import StartPlanReason

Graph = Mapping[str, Sequence[str]]
# A cycle through one API alone, with its start repeated: a provider depends on its own router.
OWN_ROUTER = 2


class DependencyCycleError(ValueError):
    """Providers depend on each other in a circle.

    Attributes:
        cycle: the keys on the circle; the last one depends on the first.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(f"dependency cycle: {' -> '.join([*cycle, cycle[0]])}")


def topological_sort[P: ProviderWithSpec](providers: Mapping[str, Sequence[P]]) -> list[tuple[str, P]]:
    """Return key and provider of each provider, dependencies first.

    Args:
        providers: the providers of each key (an API, or `inner-<api>` behind a router).

    Raises:
        DependencyCycleError: they depend on each other in a circle.
    """
    keys, cycles = depth_first(dependency_graph(providers))
    if cycles:
        raise DependencyCycleError(cycles[0])
    return [(key, provider) for key in keys for provider in providers[key]]


def dependency_graph(providers: Mapping[str, Sequence[ProviderWithSpec]]) -> dict[str, list[str]]:
    """Return the keys that each key depends on; dependencies that are not there are left out."""
    return {
        key: list(dict.fromkeys(dep for provider in group for dep in provider.dependencies if dep in providers))
        for key, group in providers.items()
    }


def depth_first(graph: Graph) -> tuple[list[str], list[list[str]]]:
    """Return the keys in depth-first order, dependencies first, and every cycle that the walk meets.

    A cycle is a list of keys, each depending on the next, and the last on the first.
    """
    order: list[str] = []
    cycles: list[list[str]] = []
    seen: set[str] = set()
    for start in graph:
        if start not in seen:
            _walk(graph, start, seen, order, cycles)
    return order, _distinct(cycles)


def _walk(graph: Graph, start: str, seen: set[str], order: list[str], cycles: list[list[str]]) -> None:
    """Walk from one key, with a stack of its own: a graph may be deeper than Python's."""
    seen.add(start)
    path: list[str] = [start]
    pending: list[Iterator[str]] = [iter(graph[start])]
    on_path = {start}
    while pending:
        dep = next(pending[-1], None)
        if dep is None:
            order.append(path[-1])
            on_path.discard(path.pop())
            pending.pop()
        elif dep in on_path:
            cycles.append(path[path.index(dep) :])
        elif dep not in seen:
            seen.add(dep)
            on_path.add(dep)
            path.append(dep)
            pending.append(iter(graph[dep]))


def _distinct(cycles: list[list[str]]) -> list[list[str]]:
    distinct: dict[frozenset[str], list[str]] = {}
    for cycle in cycles:
        distinct.setdefault(frozenset(cycle), cycle)
    return list(distinct.values())


def sort_providers_by_deps[P: ProviderWithSpec](
    providers: Mapping[str, Sequence[P]], knowledge: ReleaseKnowledge, findings: Findings
) -> list[tuple[str, P]]:
    """Return the start order, and report cycles as the release will meet them.

    A cycle is an error where the release refuses it (ogx 1.2 and newer) or where a required dependency would
    not be there in time; it is a warning where only an optional one is missed, and not mentioned where only the
    release's own providers take part.
    """
    keys, cycles = depth_first(dependency_graph(providers))
    for cycle in cycles:
        _report_cycle(cycle, keys, providers, knowledge, findings)
    return [(key, provider) for key in keys for provider in providers[key]]


def _report_cycle(
    cycle: list[str],
    keys: list[str],
    providers: Mapping[str, Sequence[ProviderWithSpec]],
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    release = knowledge.release
    position = {key: index for index, key in enumerate(keys)}
    late = [
        (key, dep)
        for key in cycle
        for provider in providers[key]
        for dep in provider.spec.api_dependencies
        if dep in cycle and position[dep] >= position[key]
    ]
    names = _names(cycle, providers)
    condition = _condition(cycle, providers)
    where = f"where {condition}, " if condition else ""
    path = " -> ".join(names)
    first = next((p for key in cycle for p in providers[key] if p.entry is not None), None)
    whose: Whose = {
        "api": first.spec.api if first else names[0].partition(" ")[0],
        "provider": first.provider_id if first else None,
    }
    hint = "make one of these dependencies optional, or leave one of these providers out"
    place = first.entry.path if first and first.entry else "providers"
    if knowledge.behaviour.cycles_fail or late:
        findings.error(
            StartPlanReason.DEPENDENCY_CYCLE,
            f"{where}providers depend on each other: {path}",
            place,
            hint=hint,
            **whose,
        )
        return
    if len(names) == OWN_ROUTER:
        message = f"{where}{names[0]} depends on the API that it provides: {release} starts the router before it"
        findings.warning(
            StartPlanReason.DEPENDENCY_CYCLE, message, place, hint="ogx 1.2 and newer refuse it: leave one out", **whose
        )
        return
    if all(provider.origin in ("builtin", "routed") for key in cycle for provider in providers[key]):
        return  # the release was made so, and nobody can change it
    message = f"{where}providers depend on each other: {path}; {release} starts one of them without the other"
    findings.warning(StartPlanReason.DEPENDENCY_CYCLE, message, place, hint=hint, **whose)


def _condition(cycle: list[str], providers: Mapping[str, Sequence[ProviderWithSpec]]) -> Condition | None:
    """Return when a circle is closed: of each key one of the providers that need the next one has to be there."""
    condition: Condition | None = None
    for key, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        needs = [provider.condition for provider in providers[key] if following in provider.dependencies]
        if needs and None not in needs:
            condition = both(needs[0], condition)
    return condition


def _names(cycle: list[str], providers: Mapping[str, Sequence[ProviderWithSpec]]) -> list[str]:
    """Return the cycle in the user's words, back to its start: routers and tables belong to their API."""
    names: dict[str, str] = {}
    for key in cycle:
        table = next((p for p in providers[key] if p.deps), None)
        api = (table.deps[0] if table else key).removeprefix("inner-")
        own = [provider.provider_id for provider in providers[key] if provider.entry is not None]
        names[api] = f"{api} ({', '.join(own)})" if own else names.get(api, api)
    return [*names.values(), next(iter(names.values()))]
