"""Which changes of a stack are worth an Event."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.planning.stack.transitions import Transition, transitions
from llamastack_resolver.findings import Place, Reason
from tests.support.builds import building
from tests.support.conditions import NOW
from tests.support.world import deployment, pod


def status(state: str, reason: str, message: str = "words") -> dict[str, Any]:
    available = {"type": "Available", "status": "False", "reason": "NoReplicasAvailable", "message": ""}
    return {"conditions": [available, {"type": "Ready", "status": state, "reason": reason, "message": message}]}


READY = status("True", "Ready")
STARTING = status("False", "Progressing")
CRASHING = status("False", "CrashLooping")


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (STARTING, READY, Transition("Ready", "words", warning=False)),
        ({}, READY, Transition("Ready", "words", warning=False)),
        (READY, CRASHING, Transition("CrashLooping", "words", warning=True)),
        (STARTING, CRASHING, Transition("CrashLooping", "words", warning=True)),
        (CRASHING, READY, Transition("Ready", "words", warning=False)),
        (CRASHING, status("False", "OutOfMemory"), Transition("OutOfMemory", "words", warning=True)),
        (READY, status("True", "Suspended"), Transition("Suspended", "words", warning=False)),
        ({}, status("False", "InvalidSpec"), Transition("InvalidSpec", "words", warning=True)),
    ],
)
def test_arrival_and_trouble_are_one_event(before: dict[str, Any], after: dict[str, Any], event: Transition) -> None:
    assert list(transitions(before, after)) == [event]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (READY, READY),
        (CRASHING, status("False", "CrashLooping", "another message, 4 restarts")),
        ({}, STARTING),
        (READY, STARTING),
        (STARTING, status("False", "NoReplicasAvailable")),
        (READY, {}),
        ({}, {"conditions": None}),
    ],
)
def test_a_repetition_and_the_way_to_ready_are_none(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert list(transitions(before, after)) == []


TOLD = [one for one in declared_reasons() if {Place.READY.true, Place.READY.false} & set(one.declaration.answers)]


@pytest.mark.parametrize("reason", TOLD)
def test_only_what_somebody_can_mend_is_a_warning(reason: Reason) -> None:
    """Progress and arrival need no one: their reasons have no cure, and their events are Normal."""
    state = "True" if Place.READY.true in reason.declaration.answers else "False"
    events = list(transitions({}, status(state, reason)))
    assert [event.reason for event in events] == ([reason] if Place.EVENT in reason.declaration.shows else [])
    assert [event.warning for event in events] == [bool(reason.declaration.cure)] * len(events)


def test_a_build_that_fails_once_and_then_serves_is_told_step_by_step() -> None:
    failure = {"reason": "IndexUnreachable", "message": "the index does not answer"}
    ways: list[Snapshot] = [
        building(phase="Queued"),
        building(phase="Building", step="starting"),
        building(phase="Building", step="pushing"),
        building(phase="Failed", failure=failure, attempts=1, nextAttemptAt=NOW),
        building(phase="Queued"),
        building(phase="Building", step="starting"),
        building(phase="Succeeded"),
        building(deployment(), pod(ready=True), phase="Succeeded"),
    ]
    before: dict[str, Any] = {}
    told = []
    for seen in ways:
        after = status_of(seen, PassOutcome(), NOW)
        told += [(event.reason, event.warning) for event in transitions(before, after)]
        before = after
    again = [("Queued", False), ("Building", False)]
    assert told == [*again, ("IndexUnreachable", True), *again, ("Ready", False)]
