"""What stops a stack, and what does not although it is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.reading import exceeded_reading
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.conditions import NOW
from tests.support.world import IMAGES, deployment, judged, llamastack, pod, read_facts, referred

SETTINGS = WorkloadSettings(images=IMAGES)
RELEASE = {"release": {"package": "llama-stack", "version": "0.7.3"}, "image": "registry.example/mine:1"}
TWICE = [{"provider_id": "a", "provider_type": "remote::vllm", "config": {"base_url": "http://v/v1"}}] * 2
WRONG = {"version": 2, "distro_name": "a", "providers": {"inference": TWICE}}
"""Certain for any image: the second entry of an id takes the place of the first."""


def stack(status: dict[str, Any] | None = None, **spec: Any) -> StackFacts:
    """Return a stack with that mistake."""
    body = llamastack(status=status, **{"distribution": RELEASE, "runConfig": WRONG, **spec})
    return read_facts(body, deployment(), pod(ready=True))


def severities(found: StackFacts) -> list[str]:
    decided = plan(judged(found), SETTINGS)
    assert (decided.desired is None) is any(one.severity == "error" for one in decided.findings)
    return [str(one.severity) for one in decided.findings]


def ready(generation: int, **more: Any) -> dict[str, Any]:
    return {"observedGeneration": generation, "conditions": [{"type": "Ready", "status": "True"}], **more}


class TestAnError:
    def test_stops_a_stack_that_has_never_served(self) -> None:
        assert severities(stack()) == ["error"]

    def test_stops_an_edit(self) -> None:
        assert severities(stack(ready(1))) == ["error"]
        assert severities(stack(ready(2, servedInputs="those of before"))) == ["error"]

    def test_is_a_warning_where_the_user_wants_no_more(self) -> None:
        assert severities(stack(startup={"validation": "Warn"})) == ["warning"]
        assert severities(stack(startup={"validation": "Enforce"})) == ["error"]

    def test_stops_in_any_case_where_nothing_could_be_read(self) -> None:
        body = llamastack(
            distribution=RELEASE,
            startup={"validation": "Warn"},
            runConfigFrom={"configMapKeyRef": {"name": "c", "key": "k"}},
        )
        del body["spec"]["runConfig"]
        found = read_facts(body, referred=referred(run_config="a: [", texts={"c": {"k": "a: ["}}))
        assert severities(found) == ["error"]


class TestWhatServedOnce:
    def test_is_warned_about_and_never_stopped(self) -> None:
        digest = stack().reading.digest
        found = stack(ready(1, servedInputs=digest))
        assert severities(found) == ["warning"]
        (finding,) = plan(judged(found), SETTINGS).findings
        assert "has served with this" in (finding.hint or "")

    def test_is_not_stopped_by_what_changes_nothing_of_it(self) -> None:
        found = stack(ready(1, servedInputs=stack().reading.digest), server={"replicas": 3})
        assert severities(found) == ["warning"]

    def test_is_also_what_an_operator_without_readings_found_ready(self) -> None:
        assert severities(stack(ready(2))) == ["warning"]

    def test_is_not_what_it_found_not_ready(self) -> None:
        status = {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False"}]}
        assert severities(stack(status)) == ["error"]


class TestTheStatus:
    @pytest.mark.parametrize(
        ("before", "serves"), [({}, True), ({"servedInputs": "old"}, True), ({"servedInputs": "old"}, False)]
    )
    def test_has_the_inputs_that_served_last(self, before: dict[str, Any], serves: bool) -> None:
        body = llamastack(status=before, distribution=RELEASE, runConfig={**WRONG, "providers": {}})
        found = read_facts(body, deployment(available=1 if serves else 0), pod(ready=serves))
        status = status_of(judged(found), PassOutcome(), NOW)
        assert status.get("servedInputs") == (found.reading.digest if serves else before.get("servedInputs"))


def test_what_takes_too_much_to_be_read_stops_also_where_its_inputs_served() -> None:
    """It is not known what it asks for: what runs is left as it is."""
    exceeded = exceeded_reading("those", "more than 5 seconds of CPU time")
    found = replace(stack(ready(1, servedInputs="those"), startup={"validation": "Warn"}), reading=exceeded)
    assert severities(found) == ["error"]
    assert plan(judged(found), SETTINGS).desired is None
