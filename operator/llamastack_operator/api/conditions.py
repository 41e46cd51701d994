"""The conditions of a LlamaStack.

`docs/conditions.md` is generated from this module, `docs/reasons.md` from the reasons that each room declares.
Conditions are KEP-1623's `metav1.Condition`; `Reconciling` and `Stalled` are the abnormal-true pair that kstatus (Flux,
kpt, Argo CD) reads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import ApiModel

MESSAGE_LIMIT = 512
"""Most characters of a condition's message."""


class ConditionType(StrEnum):
    """The questions that a stack's conditions answer."""

    READY = "Ready"
    CONFIG_VALID = "ConfigValid"
    IMAGE_READY = "ImageReady"
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


CONDITION_MEANINGS = {
    ConditionType.READY: "The summary: the newest generation serves.",
    ConditionType.CONFIG_VALID: "The spec, the run config and all that they refer to can be used.",
    ConditionType.IMAGE_READY: "The image for the newest generation exists, or what pods install is locked.",
    ConditionType.AVAILABLE: "Pods serve, be it an older generation; the message has the pods' own reasons.",
    ConditionType.RECONCILING: "The operator or the cluster is at work on the newest generation (kstatus).",
    ConditionType.STALLED: "No progress is expected without a change from outside (kstatus).",
}


class Condition(ApiModel):
    """A `metav1.Condition`."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    ]
    message: Annotated[str, StringConstraints(max_length=32768)]
    observed_generation: Annotated[int, Field(ge=0)]
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
