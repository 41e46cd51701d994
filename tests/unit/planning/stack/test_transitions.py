"""Which changes of a stack are worth an Event."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.planning.stack.transitions import Transition, transitions


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
