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
    INVALID_EXTERNAL_SPEC = "InvalidExternalSpec"
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
    # --- images
    PREBUILT = "Prebuilt"
    UP_TO_DATE = "UpToDate"
    INSTALLED_AT_START = "InstalledAtStart"
    QUEUED = "Queued"
    BUILDING = "Building"
    NOT_DETERMINED = "NotDetermined"
    BUILD_FAILED = "BuildFailed"
    MODULE_NOT_FOUND = "ModuleNotFound"
    MODULE_IMPORT_FAILED = "ModuleImportFailed"
    SPEC_MISSING = "SpecMissing"
    SPEC_MISMATCH = "SpecMismatch"
    REQUIREMENT_INVALID = "RequirementInvalid"
    REQUIREMENT_CONFLICT = "RequirementConflict"
    SOURCE_DISTRIBUTION_REFUSED = "SourceDistributionRefused"
    SOURCE_BUILD_FAILED = "SourceBuildFailed"
    HASH_MISMATCH = "HashMismatch"
    INDEX_UNREACHABLE = "IndexUnreachable"
    INDEX_UNAUTHORIZED = "IndexUnauthorized"
    INDEX_CERTIFICATE = "IndexCertificate"
    BASE_NOT_FOUND = "BaseNotFound"
    UNSUPPORTED_BASE = "UnsupportedBase"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_UNAUTHORIZED = "RegistryUnauthorized"
    REGISTRY_CERTIFICATE = "RegistryCertificate"
    PUSH_DENIED = "PushDenied"
    TIMED_OUT = "TimedOut"
    EVICTED = "Evicted"
    DISK_FULL = "DiskFull"
    LOCK_LOST = "LockLost"
    LIMIT_EXCEEDED = "LimitExceeded"
    TAMPERED = "Tampered"


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
    Reason.INVALID_EXTERNAL_SPEC: "The file of an external provider or API is no spec, or one of something else.",
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
    Reason.PREBUILT: "Nothing has to be installed: `spec.distribution.image` is run as it is.",
    Reason.UP_TO_DATE: "The image was built and is run by its digest.",
    Reason.INSTALLED_AT_START: "The packages are locked, and each pod installs them at its start.",
    Reason.QUEUED: "The build waits for its turn.",
    Reason.BUILDING: "The build runs; the message tells how far it is.",
    Reason.NOT_DETERMINED: "Errors in the spec forbid to say what must be built.",
    Reason.BUILD_FAILED: "The build failed for a reason that has no name of its own; the message has its words.",
    Reason.MODULE_NOT_FOUND: "The index has no such package, or no such version of it.",
    Reason.MODULE_IMPORT_FAILED: "A module was installed and cannot be imported with this release.",
    Reason.SPEC_MISSING: "A module has no `get_provider_spec()`, or its spec names no implementation.",
    Reason.SPEC_MISMATCH: "A module's `get_provider_spec()` returns something that this release does not take.",
    Reason.REQUIREMENT_INVALID: "A requirement does not follow PEP 508.",
    Reason.REQUIREMENT_CONFLICT: "Two requirements exclude each other, for example a module's and the release's.",
    Reason.SOURCE_DISTRIBUTION_REFUSED: (
        "A package has no wheel for this Python, and `spec.build.pip.allowSourceDistributions` is not set."
    ),
    Reason.SOURCE_BUILD_FAILED: "The build of a source distribution failed; the message has its last words.",
    Reason.HASH_MISMATCH: "An index served another file than the one that was locked.",
    Reason.INDEX_UNREACHABLE: "A package index does not answer; the build is tried again with backoff.",
    Reason.INDEX_UNAUTHORIZED: "A package index refuses the credentials; looked at again when the Secret changes.",
    Reason.INDEX_CERTIFICATE: "A package index shows a certificate that `spec.build.caBundleRef` does not vouch for.",
    Reason.BASE_NOT_FOUND: "The base image does not exist, or may not be seen with the given credentials.",
    Reason.UNSUPPORTED_BASE: "The base image has no Python that packages can be installed for.",
    Reason.REGISTRY_UNREACHABLE: "A registry does not answer; the build is tried again with backoff.",
    Reason.REGISTRY_UNAUTHORIZED: "A registry refuses the credentials; looked at again when the Secret changes.",
    Reason.REGISTRY_CERTIFICATE: "A registry shows a certificate that `spec.build.caBundleRef` does not vouch for.",
    Reason.PUSH_DENIED: "The credentials are right and may not push to this repository.",
    Reason.TIMED_OUT: "The build took longer than `spec.build.timeoutSeconds`.",
    Reason.EVICTED: "The build's pod was evicted or deleted; it is tried again.",
    Reason.DISK_FULL: "The build's volume is full: raise `spec.build.workspace.sizeLimit`.",
    Reason.LOCK_LOST: "The build's record could not be read; it is tried again.",
    Reason.LIMIT_EXCEEDED: "More is to be installed than one layer can record; the message has what and how much.",
    Reason.TAMPERED: "The build's pod did not run what the operator asked for; its result is not used.",
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
