"""What is counted of objects, whatever is in their statuses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from llamastack_operator.controller.metrics.families import (
    MOST_SERIES,
    OTHER,
    build_families,
    counter_family,
    queue_families,
    stack_families,
)
from llamastack_operator.objects.builds import BuildRecord, build_from
from llamastack_operator.planning.stack.stack import Stack, stack_from
from tests.support.world import llamastack

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def samples(families: Iterable[Metric]) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of each metric by those of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def stack(**status: Any) -> Stack:
    return stack_from(llamastack(status=status))


def build(phase: str, **status: Any) -> BuildRecord:
    metadata = {"namespace": "team-a", "name": "b", "uid": "u", "resourceVersion": "1"}
    return build_from({"metadata": metadata, "spec": {}, "status": {"phase": phase, **status}})


class TestStacks:
    def test_are_counted_by_each_condition_and_by_their_findings(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Ready"}
        broken = {"type": "Ready", "status": "False", "reason": "MissingMethod"}
        finding = {"severity": "error", "reason": "MissingMethod", "message": "m", "path": "p"}
        check = {"revision": "r", "verdict": "Failed", "report": ""}
        stacks = [
            stack(conditions=[ready]),
            stack(conditions=[ready]),
            stack(conditions=[broken], findings=[finding], startCheck=check),
        ]
        found = samples(stack_families(stacks))
        assert found["llamastack_stacks_known"] == {(): 3}
        assert found["llamastack_stacks"] == {("Ready", "True", "Ready"): 2, ("Ready", "False", "MissingMethod"): 1}
        assert found["llamastack_findings"] == {("error", "MissingMethod"): 1}
        assert found["llamastack_start_checks"] == {("Failed",): 1}

    @given(st.dictionaries(st.sampled_from(("conditions", "findings", "startCheck")), JSON))
    def test_whatever_is_in_a_status_is_counted_without_an_error(self, status: dict[str, Any]) -> None:
        samples(stack_families([replace(stack(), status=status)]))

    def test_words_of_strangers_make_no_time_series_without_end(self) -> None:
        forged = [{"type": "Ready", "status": "False", "reason": f"Forged{number}"} for number in range(5_000)]
        found = samples(stack_families([stack(conditions=forged)]))["llamastack_stacks"]
        assert len(found) <= MOST_SERIES + 1
        assert sum(found.values()) == 5_000
        assert found[(OTHER, OTHER, OTHER)] == 5_000 - MOST_SERIES

    def test_what_is_no_word_is_not_told(self) -> None:
        odd = {"type": "Ready", "status": "False", "reason": 'a"} 1\nforged_metric 2'}
        assert samples(stack_families([stack(conditions=[odd])]))["llamastack_stacks"] == {("Ready", "False", OTHER): 1}


class TestBuilds:
    def test_are_counted_by_phase_and_namespace_and_by_why_they_failed(self) -> None:
        failure = {"reason": "TimedOut", "message": "m"}
        found = samples(build_families([build("Queued"), build("Failed", failure=failure)], NOW))
        assert found["llamastack_builds"] == {("Queued", "team-a"): 1, ("Failed", "team-a"): 1}
        assert found["llamastack_build_failures"] == {("TimedOut",): 1}

    def test_the_longest_try_that_runs_is_told(self) -> None:
        times = ("2026-01-01T11:59:00Z", "2026-01-01T11:00:00Z", "never")
        builds = [build("Building", startedAt=time) for time in times]
        assert samples(build_families(builds, NOW))["llamastack_build_longest_seconds"] == {(): 3600}


def test_of_queues_the_depth_and_the_oldest_wish_are_told() -> None:
    found = samples(queue_families({"stack": {"urgent": (2, 1.5), "listed": (0, 0.0)}}))
    assert found["llamastack_queue_depth"] == {("stack", "urgent"): 2, ("stack", "listed"): 0}
    assert found["llamastack_queue_oldest_seconds"][("stack", "urgent")] == 1.5


def test_counts_that_others_keep_are_told_with_their_labels() -> None:
    counts = {("PATCH", "deployments", 200): 3}
    family = counter_family("llamastack_api_requests", "Requests.", ("verb", "resource", "code"), counts)
    assert samples([family]) == {"llamastack_api_requests_total": {("PATCH", "deployments", "200"): 3}}
