"""What a server says of its providers' health, in the rows of a status: that, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.status import PROVIDERS_LIMIT, STATUS_LIMIT, Health, LlamaStackStatus, ProviderName
from llamastack_operator.objects.child import Child
from llamastack_operator.planning.stack.bounds import size_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.reading import NOTHING_READ, Provider, ProviderState
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from tests.support.conditions import NOW
from tests.support.world import crashed, deployment, llamastack, pod, snapshot, with_facts

PROVIDERS = (
    Provider("inference", "vllm", "remote::vllm", "", ProviderState.READY, ""),
    Provider("safety", "mine", "remote::mine", "mine==1.0", ProviderState.UNKNOWN, "only its package can tell"),
    Provider("safety", "off", "remote::mine", "", ProviderState.DISABLED, ""),
)
MODEL, MINE = ("inference", "vllm"), ("safety", "mine")
Told = Mapping[ProviderName, Health] | None


def seen(
    status: Mapping[str, Any] | None = None,
    digest: str = "d",
    providers: tuple[Provider, ...] = PROVIDERS,
    server: Child | None = None,
) -> Snapshot:
    """Return a stack that served with the inputs `d` before, unless its status says something else."""
    known = {"servedInputs": "d"} if status is None else dict(status)
    found = snapshot(llamastack(status=known), server or deployment(), pod(ready=server is None))
    reading = replace(NOTHING_READ, complete=True, digest=digest, providers=providers)
    return with_facts(found, reading=reading)


def status(stack: Snapshot, told: Told) -> dict[str, Any]:
    found = status_of(stack, PassOutcome(health=told), NOW)
    LlamaStackStatus.model_validate(found)
    return found


def health(stack: Snapshot, told: Told) -> dict[ProviderName, str]:
    rows = status(stack, told)["providers"]
    return {(row["api"], row["id"]): row["health"] for row in rows if "health" in row}


def test_what_a_server_says_stands_in_the_rows_of_its_providers() -> None:
    assert health(seen(), {MODEL: "Error", MINE: "OK"}) == {MODEL: "Error", MINE: "OK"}


def test_what_it_says_of_others_is_nowhere() -> None:
    assert health(seen(), {("inference", "mine"): "OK", ("files", "vllm"): "Error"}) == {}


def test_what_it_said_stays_until_it_is_asked_again_and_a_restart_writes_nothing() -> None:
    before = status(seen(), {MODEL: "Error"})
    assert status(seen(before), None) == before


def test_what_it_does_not_say_any_more_goes() -> None:
    before = status(seen(), {MODEL: "Error", MINE: "OK"})
    assert health(seen(before), {MINE: "OK"}) == {MINE: "OK"}
    assert health(seen(before), {}) == {}


@pytest.mark.parametrize("told", [None, {MODEL: "Error"}])
def test_of_other_inputs_than_the_server_runs_with_nothing_is_told(told: Told) -> None:
    before = status(seen(), {MODEL: "Error"})
    assert health(seen(before, digest="edited"), told) == {}
    assert health(seen({}), told) == {}
    assert health(seen({"servedInputs": ""}, digest=""), told) == {}


def test_a_pod_that_is_not_ready_for_a_moment_changes_nothing_of_it() -> None:
    before = status(seen(), {MODEL: "Error"})
    assert health(seen(before, server=deployment(available=0)), None) == {MODEL: "Error"}


@given(
    st.dictionaries(st.sampled_from([MODEL, MINE, ("safety", "off")]), st.sampled_from(["OK", "Error"])),
    st.builds(deployment, wanted=st.integers(0, 2), available=st.integers(0, 2), updated=st.integers(0, 2)),
    st.booleans(),
)
def test_nothing_follows_from_it(told: Mapping[ProviderName, Health], server: Child, crashing: bool) -> None:
    stack = seen(server=server)
    stack = with_facts(stack, pods=(pod(container=crashed() if crashing else {}),))
    with_it, without = status(stack, told), status(stack, {})
    rows = [{key: value for key, value in row.items() if key != "health"} for row in with_it["providers"]]
    assert {**with_it, "providers": rows} == without


ANYTHING = st.recursive(
    st.none() | st.integers() | st.sampled_from(["OK", "Error", "inference", "vllm", "fine"]) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["api", "id", "health", "state"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(ANYTHING | st.lists(ANYTHING, max_size=3))
def test_of_a_status_that_a_stranger_wrote_two_words_are_taken(rows: Any) -> None:
    found = health(seen({"servedInputs": "d", "providers": rows}), None)
    assert found.keys() <= {MODEL}
    assert set(found.values()) <= {"OK", "Error"}


def test_a_full_status_with_it_can_be_stored() -> None:
    names = [("inference", f"{'x' * 240}-{number}") for number in range(PROVIDERS_LIMIT)]
    many = tuple(Provider(*name, "t" * 253, "m" * 253, ProviderState.FAILED, "w" * 512) for name in names)
    full = status(seen(providers=many), dict.fromkeys(names, "Error"))
    assert size_of(full) <= STATUS_LIMIT
    assert {row["health"] for row in full["providers"]} == {"Error"}
