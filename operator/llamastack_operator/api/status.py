"""`LlamaStack.status`: what the operator reports."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from llamastack_operator.api.base import ATOMIC_LIST, ApiModel, map_list
from llamastack_operator.api.conditions import Condition
from llamastack_operator.api.pods import LocalReference
from llamastack_resolver.findings import Finding

Health = Literal["OK", "Error"]
"""How a provider is, in a server's own words."""
type ProviderName = tuple[str, str]
"""What tells a provider from the others of its stack: its API and its id."""
PROVIDERS_LIMIT = 64
"""Most providers that a status holds."""
FINDINGS_LIMIT = 32
"""Most findings that a status holds; the rest is counted."""
STATUS_LIMIT = 32 * 1024
"""Most bytes of a status as JSON: it shares etcd's 1.5 MB with its spec."""


class FindingStatus(ApiModel):
    """One thing that is wrong, or worth knowing, and what to do about it."""

    severity: Literal["error", "warning", "info"]
    reason: str
    """A stable word for machines."""
    message: str
    """What is wrong."""
    path: str | None = None
    """The field, from the top of the object, for example spec.server.env[0].valueFrom."""
    object: str | None = None
    """Another object that the path is in, for example ConfigMap/run-config."""
    hint: str | None = None
    """What to do."""

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return a finding in the shape of the API: the one place where that is done."""
        return cls(
            severity=finding.severity.value,
            reason=finding.reason.value,
            message=finding.message,
            path=finding.path,
            object=finding.object,
            hint=finding.hint,
        )


class ProviderStatus(ApiModel):
    """A provider of the run config."""

    api: str
    id: str
    type: str
    module: str | None = None
    """The external module that brings it, as the run config has it."""
    module_version: str | None = None
    """The version of the module's package in the image."""
    state: Literal["Ready", "Resolved", "Deprecated", "Disabled", "NonCompliant", "Failed", "Unknown"] | None = None
    """How it stands. Ready: a pod started it. Unknown: only its image, its package, a variable or a pod can tell."""
    message: str | None = None
    """Why."""
    health: Health | None = None
    """What the running server says of it: Error where it cannot reach its backend. Absent where it does not tell."""


class StartCheckStatus(ApiModel):
    """What the start check of a revision's pods said last: kept, for pods go, and take their words along."""

    revision: str
    """The revision of the pods, as their annotation llamastack.dev/revision has it."""
    verdict: Literal["Passed", "Failed", "CheckFailed"]
    """Whether the server can start as it is written; CheckFailed: that could not be found out."""
    report: str
    """The report, a JSON array a line; conditions, findings and providers tell what is in it."""


class ImageReportStatus(ApiModel):
    """What a pod of the stack reported last of the image that the spec names: its next readings are made with it."""

    image: str
    """The image as the pod's spec had it."""
    digest: str
    """The digest that the pod ran: of another one, nothing is known."""
    release: str
    """The release in it, for example 0.7.3 or ogx-1.5.0."""
    specs: str | None = None
    """What tells the APIs and provider specs that the release brings there."""
    inputs: str | None = None
    """What tells the inputs that pods have started with since: those are not stopped by what they reported."""


class PreflightStatus(ApiModel):
    """What a Job said of a revision before the pods that serve were stopped for it."""

    revision: str
    """The revision, as the annotation llamastack.dev/revision of its pods has it."""
    state: Literal["Running", "Passed", "Refused", "Unproven"]
    """Running and Refused hold the roll-out; Unproven: it needs what a preflight does not have, and goes on."""
    message: str | None = None
    """Why nothing is proved."""
    report: str | None = None
    """What is proved against it, a JSON array a line; conditions, findings and providers tell what is in it."""


class LlamaStackStatus(ApiModel):
    """The observed state of a stack."""

    observed_generation: Annotated[int | None, Field(ge=0)] = None
    conditions: Annotated[list[Condition] | None, Field(max_length=16, json_schema_extra=map_list("type"))] = None
    url: str | None = None
    """Where the stack is reached inside the cluster."""
    image: str | None = None
    """The image of the serving pods, by digest as it was pulled."""
    release: str | None = None
    """The version that the running server reports; where it does not tell, the one that its pods found."""
    replicas: Annotated[int | None, Field(ge=0)] = None
    """Pods that exist."""
    ready_replicas: Annotated[int | None, Field(ge=0)] = None
    """Pods that are ready."""
    build_ref: LocalReference | None = None
    """The LlamaStackBuild whose result the newest generation runs, or waits for."""
    providers: Annotated[
        list[ProviderStatus] | None, Field(max_length=PROVIDERS_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = None
    """The providers of the run config."""
    omitted_providers: Annotated[int | None, Field(ge=0)] = None
    """How many enabled providers did not fit."""
    providers_resolved: str | None = None
    """How many of the enabled providers are resolved, for example 4/5."""
    start_check: StartCheckStatus | None = None
    """What pods of the newest revision found when they started."""
    image_report: ImageReportStatus | None = None
    """What is known of the image from the stack's own pods."""
    preflight: PreflightStatus | None = None
    """What is known of the newest revision before it is rolled out, where a volume forces Recreate."""
    served_inputs: str | None = None
    """What tells the inputs that pods of the newest generation were ready with."""
    selector: str | None = None
    """The label selector of the pods, for the scale subresource."""
    findings: Annotated[list[FindingStatus] | None, Field(max_length=FINDINGS_LIMIT, json_schema_extra=ATOMIC_LIST)] = (
        None
    )
    """What was found wrong, with places and cures."""
    omitted_findings: Annotated[int | None, Field(ge=0)] = None
    """How many findings did not fit."""
