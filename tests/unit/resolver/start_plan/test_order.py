"""The start order, for any graph of provider specs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start_plan.order import DependencyCycleError, dependency_graph, depth_first, topological_sort

NAMES = st.sampled_from([f"api{n}" for n in range(8)])
GRAPHS = st.dictionaries(
    NAMES,
    st.lists(st.tuples(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=2)), max_size=3),
    max_size=8,
)


def make(graph: dict) -> dict[str, list[ProviderWithSpec]]:
    return {
        api: [
            ProviderWithSpec(
                f"{api}-{index}",
                "inline::x",
                ProviderSpec(api, "inline::x", api_dependencies=tuple(needs), optional_api_dependencies=tuple(may)),
            )
            for index, (needs, may) in enumerate(providers)
        ]
        for api, providers in graph.items()
    }


@given(GRAPHS)
def test_the_order_respects_every_dependency_or_names_a_real_cycle(graph: dict):
    providers = make(graph)
    edges = dependency_graph(providers)
    try:
        ordered = topological_sort(providers)
    except DependencyCycleError as error:
        circle = [*error.cycle, error.cycle[0]]
        assert all(after in edges[before] for before, after in pairwise(circle))
        return
    position = {key: index for index, (key, _) in enumerate(ordered)}
    assert len(ordered) == sum(len(group) for group in providers.values())
    for key, provider in ordered:
        for dep in provider.dependencies:
            assert dep not in position or position[dep] < position[key]


@given(GRAPHS)
def test_every_key_is_in_the_order_once_even_with_cycles(graph: dict):
    keys, _ = depth_first(dependency_graph(make(graph)))

    assert sorted(keys) == sorted(graph)


def test_the_order_follows_the_config_where_dependencies_leave_a_choice():
    providers = make({"b": [([], [])], "a": [([], [])], "c": [(["a"], [])]})

    assert [key for key, _ in topological_sort(providers)] == ["b", "a", "c"]


def test_a_cycle_is_named_in_its_order():
    with pytest.raises(DependencyCycleError, match="a -> b -> c -> a"):
        topological_sort(make({"a": [(["b"], [])], "b": [(["c"], [])], "c": [(["a"], [])]}))


def test_a_chain_longer_than_pythons_stack_is_sorted():
    graph = {f"k{n}": [([f"k{n + 1}"], [])] for n in range(5000)}

    assert topological_sort(make(graph))[0][0] == "k4999"
