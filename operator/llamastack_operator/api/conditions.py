"""The conditions of a LlamaStack.

`docs/conditions.md` is generated from this module, `docs/reasons.md` from the reasons that each room declares.
Conditions are KEP-1623's `metav1.Condition`; `Reconciling` and `Stalled` are the abnormal-true pair that kstatus (Flux,
kpt, Argo CD) reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import ApiModel
from llamastack_resolver.findings import Reason

ConditionStatus = Literal["True", "False", "Unknown"]
MESSAGE_LIMIT = 512
"""Most characters of a condition's message."""


class ConditionType(StrEnum):
    """The questions that a stack's conditions answer."""

    READY = "Ready"
    CONFIG_VALID = "ConfigValid"
    PROVIDERS_RESOLVED = "ProvidersResolved"
    DEPRECATED = "Deprecated"
    IMAGE_READY = "ImageReady"
    PROTOCOL_COMPLIANT = "ProtocolCompliant"
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


CONDITION_MEANINGS = {
    ConditionType.READY: "The summary: the newest generation serves.",
    ConditionType.CONFIG_VALID: "The spec, the run config and all that they refer to can be used.",
    ConditionType.PROVIDERS_RESOLVED: "Every provider has a spec and what it needs, and there is a start order.",
    ConditionType.DEPRECATED: "True is abnormal: something is used that the release will not take for ever.",
    ConditionType.IMAGE_READY: "The image for the newest generation exists, or what pods install is locked.",
    ConditionType.PROTOCOL_COMPLIANT: (
        "Every provider does what its API's protocol asks for, as a pod reports it; Unknown as long as none does."
    ),
    ConditionType.AVAILABLE: "Pods serve, be it an older generation; the message has the pods' own reasons.",
    ConditionType.RECONCILING: "The operator or the cluster is at work on the newest generation (kstatus).",
    ConditionType.STALLED: "No progress is expected without a change from outside (kstatus).",
}


class Condition(ApiModel):
    """A `metav1.Condition`."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=316)]
    status: ConditionStatus
    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    ]
    message: Annotated[str, StringConstraints(max_length=32768)]
    observed_generation: Annotated[int, Field(ge=0)]
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered to the question of one condition.

    Attributes:
        status: the answer; Unknown where it cannot be told.
        reason: why, for machines.
        message: why, for people; what is too long is cut where it is written.
    """

    status: ConditionStatus
    reason: Reason
    message: str


def yes(reason: Reason, message: str) -> Verdict:
    """Return the answer True."""
    return Verdict("True", reason, message)


def no(reason: Reason, message: str) -> Verdict:
    """Return the answer False."""
    return Verdict("False", reason, message)


def unknown(reason: Reason, message: str) -> Verdict:
    """Return that it cannot be told."""
    return Verdict("Unknown", reason, message)


def set_conditions(
    status: Mapping[str, Any], verdicts: Mapping[ConditionType, Verdict], generation: int, now: str
) -> list[dict[str, Any]]:
    """Return all conditions in wire form; a transition time is new only where the status of a condition is.

    Args:
        status: the status of the object as it was, in wire form.
        verdicts: the answer to each question, in the order in which they are shown.
        generation: the generation that was looked at.
        now: the time of the look (RFC 3339).
    """
    before = {condition["type"]: condition for condition in status.get("conditions") or ()}
    return [
        {
            "type": str(kind),
            "status": verdict.status,
            "reason": str(verdict.reason),
            "message": cut(verdict.message),
            "observedGeneration": generation,
            "lastTransitionTime": _since(before.get(kind), verdict, now),
        }
        for kind, verdict in verdicts.items()
    ]


def condition_of(status: Mapping[str, Any], kind: ConditionType) -> Mapping[str, Any] | None:
    """Return a condition of a status in wire form, or None where it has none of this type."""
    return next((condition for condition in status.get("conditions") or () if condition["type"] == kind), None)


def is_true(status: Mapping[str, Any], kind: ConditionType) -> bool:
    """Tell whether a condition of a status in wire form is True: neither False, Unknown nor missing."""
    condition = condition_of(status, kind)
    return condition is not None and condition["status"] == "True"


def cut(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return a message of at most `limit` characters, saying so where something is cut."""
    return message if len(message) <= limit else message[: limit - 2].rstrip() + " …"


def with_rest(message: str, rest: str) -> str:
    """Return a message that ends with `rest`, such as how much more there is, whatever has to be cut of it."""
    return cut(message, MESSAGE_LIMIT - len(rest)) + rest


def printable(text: str) -> str:
    """Return text without what moves a terminal's cursor or is no character at all, such as a lone surrogate."""
    return "".join(character if character.isprintable() else " " for character in text)


def _since(before: Mapping[str, Any] | None, verdict: Verdict, now: str) -> str:
    if before is None or before["status"] != verdict.status:
        return now
    return str(before["lastTransitionTime"])
