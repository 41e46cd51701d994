"""Which changes of a status are worth an Event. Pure; a repeated pass yields none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.conditions import ConditionType, condition_of
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.preflight import PreflightState, kept
from llamastack_operator.planning.stack.reasons import StackReason

# The way to Ready is told by the conditions; only arrival and trouble are events.
_QUIET = {StackReason.PROGRESSING, StackReason.PREFLIGHT, StackReason.NO_REPLICAS_AVAILABLE}
_PROGRESS = {ImageReason.QUEUED, ImageReason.BUILDING}
_MOST = 8
"""Most events of one change: the status has the rest."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One event to post."""

    reason: str
    message: str
    warning: bool


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Transition]:
    """Yield the events for the step from one status to the next: one for each new finding, one for a preflight that
    proves nothing, and one for Ready where no finding says the same."""
    told = {_what(finding) for finding in before.get("findings") or ()}
    findings = after.get("findings") or ()
    new = [finding for finding in findings if finding["severity"] != "info" and _what(finding) not in told]
    for finding in new[:_MOST]:
        yield Transition(finding["reason"], finding["message"], warning=True)
    preflight = kept(after)
    if preflight is not None and preflight.state is PreflightState.UNPROVEN and kept(before) != preflight:
        yield Transition(StackReason.PREFLIGHT_UNPROVEN, preflight.message, warning=False)
    ready = _ready(before, after)
    if ready is not None and ready.reason not in {finding["reason"] for finding in findings}:
        yield ready


def _ready(before: Mapping[str, Any], after: Mapping[str, Any]) -> Transition | None:
    old, new = condition_of(before, ConditionType.READY), condition_of(after, ConditionType.READY)
    if new is None or new["reason"] in _QUIET:
        return None
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return None
    well = new["status"] == "True" or new["reason"] in _PROGRESS
    return Transition(new["reason"], new["message"], warning=not well)


def _what(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return finding["severity"], finding["reason"], finding.get("object"), finding.get("path")
