"""Which changes of a status are worth an Event. Pure; a repeated pass yields none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.conditions import ConditionType, condition_of
from llamastack_operator.planning.stack.reasons import StackReason

# The way to Ready is told by the conditions; only arrival and trouble are events.
_QUIET = {StackReason.PROGRESSING, StackReason.NO_REPLICAS_AVAILABLE}


@dataclass(frozen=True, slots=True)
class Transition:
    """One event to post."""

    reason: str
    message: str
    warning: bool


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Transition]:
    """Yield the events for the step from one status to the next."""
    old, new = condition_of(before, ConditionType.READY), condition_of(after, ConditionType.READY)
    if new is None or new["reason"] in _QUIET:
        return
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return
    yield Transition(new["reason"], new["message"], warning=new["status"] != "True")
