"""The conditions of a LlamaStack, their reasons, and the one way to set them.

`docs/conditions.md` is generated from this module: a reason that is not here is not used. Conditions are KEP-1623's
`metav1.Condition`; `Reconciling` and `Stalled` are the abnormal-true pair that kstatus (Flux, kpt, Argo CD) reads.
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
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


CONDITION_MEANINGS = {
    ConditionType.READY: "The summary: the newest generation serves.",
    ConditionType.CONFIG_VALID: "The spec, the run config and all that they refer to can be used.",
    ConditionType.AVAILABLE: "Pods serve, be it an older generation; the message has the pods' own reasons.",
    ConditionType.RECONCILING: "The operator or the cluster is at work on the newest generation (kstatus).",
    ConditionType.STALLED: "No progress is expected without a change from outside (kstatus).",
}


class Reason(StrEnum):
    """Why a condition has its status; stable, for machines."""

    READY = "Ready"
    PROGRESSING = "Progressing"
    SUSPENDED = "Suspended"
    VALID = "Valid"
    SETTLED = "Settled"
    ALL_REPLICAS_AVAILABLE = "AllReplicasAvailable"
    SOME_REPLICAS_AVAILABLE = "SomeReplicasAvailable"
    OLD_REVISION_SERVES = "OldRevisionServes"
    NO_REPLICAS_AVAILABLE = "NoReplicasAvailable"
    INVALID_SPEC = "InvalidSpec"
    UNSUPPORTED_VERSION = "UnsupportedVersion"
    INVALID_RUN_CONFIG = "InvalidRunConfig"
    SPEC_MISSING = "SpecMissing"
    SPEC_MISMATCH = "SpecMismatch"
    MISSING_REFERENCE = "MissingReference"
    CLAIM_EXISTS = "ClaimExists"
    NAME_CONFLICT = "NameConflict"
    REJECTED = "Rejected"
    APPLY_FAILED = "ApplyFailed"
    CRASH_LOOPING = "CrashLooping"
    STARTUP_FAILED = "StartupFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_FAILED = "ContainerConfigFailed"
    UNSCHEDULABLE = "Unschedulable"
    PODS_REFUSED = "PodsRefused"
    ROLLOUT_TIMED_OUT = "RolloutTimedOut"


REASON_MEANINGS = {
    Reason.READY: "All wanted pods run the newest generation and serve.",
    Reason.PROGRESSING: "Objects are being applied, or pods are starting.",
    Reason.SUSPENDED: "No pod runs, as `spec.suspend` or `spec.server.replicas: 0` asks for.",
    Reason.VALID: "Nothing was found wrong.",
    Reason.SETTLED: "Nothing is left to do.",
    Reason.ALL_REPLICAS_AVAILABLE: "As many pods serve as were asked for.",
    Reason.SOME_REPLICAS_AVAILABLE: "Some pods serve, but fewer than were asked for.",
    Reason.OLD_REVISION_SERVES: "Pods of an earlier generation serve on while the newest one is not ready.",
    Reason.NO_REPLICAS_AVAILABLE: "No pod serves yet.",
    Reason.INVALID_SPEC: "The stored object does not fit the schema of this operator.",
    Reason.UNSUPPORTED_VERSION: "This operator knows no way to start the release.",
    Reason.INVALID_RUN_CONFIG: "The run config is no mapping of the shape that Llama Stack reads.",
    Reason.SPEC_MISSING: "The file of an external provider or API cannot be read as a spec.",
    Reason.SPEC_MISMATCH: "The file of an external provider or API defines something else than the field says.",
    Reason.MISSING_REFERENCE: (
        "A ConfigMap, Secret or claim, or a key in it, does not exist. It is looked for again with backoff and "
        "picked up when it arrives."
    ),
    Reason.CLAIM_EXISTS: (
        "A claim of the name that this stack would create is left from another stack. Name it in "
        "`spec.server.storage.claimName` to use it, or delete it."
    ),
    Reason.NAME_CONFLICT: "An object of the needed name exists and does not belong to this stack; it is not touched.",
    Reason.REJECTED: "The API server refused an object of the stack; the message has its words.",
    Reason.APPLY_FAILED: "An object could not be applied; it is tried again with backoff.",
    Reason.CRASH_LOOPING: "A container keeps ending; the message has pod, container, exit code and restarts.",
    Reason.STARTUP_FAILED: "A container ended before it was ever ready.",
    Reason.OUT_OF_MEMORY: "A container was killed for exceeding its memory limit.",
    Reason.IMAGE_PULL_FAILED: "The image cannot be pulled.",
    Reason.CONTAINER_CONFIG_FAILED: "The kubelet cannot make the container, for example for a missing key.",
    Reason.UNSCHEDULABLE: "No node takes the pod.",
    Reason.PODS_REFUSED: "Pods cannot be created, for example for a quota or the Pod Security profile.",
    Reason.ROLLOUT_TIMED_OUT: "The newest generation did not become ready in time.",
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
