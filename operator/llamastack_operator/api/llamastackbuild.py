"""`LlamaStackBuild`: the operator's record of one build of an image. Written by the operator only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from llamastack_contract.limits import CONCERNED, LOCK_FILES, MODULES, PROVIDERS
from llamastack_operator.api.base import ATOMIC_LIST, OPAQUE_OBJECT, ApiModel, KeyReference, Quantity, rules
from llamastack_operator.api.build import Strategy
from llamastack_operator.api.pods import LocalReference, Resources

KIND = "LlamaStackBuild"
PLURAL = "llamastackbuilds"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Phase = Literal["Queued", "Building", "Succeeded", "Failed"]
Cause = Literal["Refresh"]
TAIL_LIMIT = 20
"""Most lines that are kept of a failing step."""


class BuildAccess(ApiModel):
    """What a build needs to reach and to run, and what does not change its result."""

    push_secret_ref: LocalReference | None = None
    pull_secret_ref: LocalReference | None = None
    index_secret_ref: LocalReference | None = None
    ca_bundle_ref: KeyReference | None = None
    resources: Resources | None = None
    timeout_seconds: int | None = None
    workspace_medium: str | None = None
    workspace_size_limit: Quantity | None = None


class LlamaStackBuildSpec(ApiModel):
    """The inputs of a build. Immutable: other inputs are another build."""

    key: Sha256
    """The hash of the inputs; builds of one key in one namespace and repository are shared."""
    strategy: Strategy
    inputs: Annotated[dict[str, Any], Field(json_schema_extra=OPAQUE_OBJECT)]
    """What is installed on what, as the build's programs read it."""
    reasons: Annotated[list[str], Field(max_length=16, json_schema_extra=ATOMIC_LIST)]
    """Why the build was needed."""
    cause: Cause | None = None
    """Refresh: spec.build.refreshInterval alone asked for it, and it can wait for what users ask for."""
    access: BuildAccess


class BuiltModule(ApiModel):
    """An external provider module of the result."""

    requirement: str
    """As the run config has it."""
    distribution: str
    version: str
    import_name: str
    """The package that the server imports."""
    providers: Annotated[list[str] | None, Field(max_length=PROVIDERS, json_schema_extra=ATOMIC_LIST)] = None
    """API and type of each provider that it brings, for example safety/remote::trustyai_fms."""


class BuildFailure(ApiModel):
    """Why the last try failed."""

    reason: str
    message: str
    hint: str | None = None
    step: str | None = None
    retry: bool | None = None
    """Whether another try can help without a change from outside."""
    tail: Annotated[list[str] | None, Field(max_length=TAIL_LIMIT, json_schema_extra=ATOMIC_LIST)] = None
    """The last lines of the failing step."""
    concerns: Annotated[list[str] | None, Field(max_length=CONCERNED, json_schema_extra=ATOMIC_LIST)] = None
    """Names of the modules and requirements that it is about."""


class LlamaStackBuildStatus(ApiModel):
    """How far a build is, and what came of it."""

    phase: Phase | None = None
    step: str | None = None
    """Where a running build is, for example installing 3 of 17."""
    attempts: Annotated[int | None, Field(ge=0)] = None
    failures: Annotated[int | None, Field(ge=0)] = None
    """Tries that have failed since one last succeeded."""
    failing_since: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    """When the first of these ended."""
    started_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    finished_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    next_attempt_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    rerun: str | None = None
    """The last request to make the image again that was taken up."""
    failure: BuildFailure | None = None
    image: str | None = None
    """The result, as repository@digest."""
    digest: Digest | None = None
    base_digest: Digest | None = None
    """What the base's tag led to."""
    platform: str | None = None
    """For example linux/amd64."""
    operator_image: str | None = None
    """The operator's image whose programs made it; pods that install at their start go on with them."""
    python: str | None = None
    """The interpreter's version, for example 3.13."""
    image_size: Annotated[int | None, Field(ge=0)] = None
    """Bytes of the whole image, compressed."""
    pushed_bytes: Annotated[int | None, Field(ge=0)] = None
    """Bytes that had to be uploaded."""
    modules: Annotated[list[BuiltModule] | None, Field(max_length=MODULES, json_schema_extra=ATOMIC_LIST)] = None
    installed: Annotated[int | None, Field(ge=0)] = None
    """How many packages were installed."""
    lock_digest: Digest | None = None
    """What the ConfigMap must hold from which pods install at their start: they refuse another one."""
    lock: Annotated[list[str] | None, Field(max_length=LOCK_FILES, json_schema_extra=ATOMIC_LIST)] = None
    """The exact packages, each as the JSON of one entry of the lock: name, version, file and hash."""


BUILD_SPEC_RULES = rules(("self == oldSelf", "a build's inputs cannot be changed: the operator makes a new build"))
