"""The parts of a pod that a stack may set, named and shaped as in Kubernetes' core/v1.

They are modelled, not passed through, so that a wrong value is refused with its place when it is applied and not
when a pod fails to appear. What would break the restricted Pod Security profile or hand an API token to a server
(host paths, privileges, projected tokens) is not offered at all.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import (
    ATOMIC_LIST,
    ApiModel,
    DataKey,
    LabelName,
    Labels,
    LongText,
    MountPath,
    ObjectName,
    Quantity,
    ShortText,
    map_list,
    rules,
)

EnvName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
Seconds = Annotated[int, Field(ge=1, le=3600)]


class LocalReference(ApiModel):
    """The name of an object in the stack's namespace."""

    name: ObjectName


class KeySelector(ApiModel):
    """One key of a ConfigMap or Secret in the stack's namespace."""

    name: ObjectName
    key: DataKey
    optional: bool | None = None
    """Whether the stack starts without it."""


class FieldSelector(ApiModel):
    """A field of the pod, for example status.podIP."""

    field_path: Annotated[str, StringConstraints(min_length=1, max_length=253)]


class EnvValueSource(ApiModel):
    """Where the value of an environment variable comes from."""

    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None
    field_ref: FieldSelector | None = None


class EnvVar(ApiModel):
    """One environment variable of the server."""

    name: EnvName
    value: LongText | None = None
    value_from: Annotated[
        EnvValueSource | None,
        Field(
            json_schema_extra=rules(
                (
                    "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef)].filter(x, x).size() == 1",
                    "exactly one of configMapKeyRef, secretKeyRef and fieldRef must be set",
                )
            )
        ),
    ] = None


class EnvFromReference(ApiModel):
    """A ConfigMap or Secret whose keys become environment variables."""

    name: ObjectName
    optional: bool | None = None
    """Whether the stack starts without it."""


class EnvFromSource(ApiModel):
    """All keys of a ConfigMap or Secret as environment variables."""

    prefix: ShortText | None = None
    config_map_ref: EnvFromReference | None = None
    secret_ref: EnvFromReference | None = None


class Resources(ApiModel):
    """Compute resources of the server's container."""

    requests: Annotated[dict[str, Quantity] | None, Field(max_length=16)] = None
    limits: Annotated[dict[str, Quantity] | None, Field(max_length=16)] = None


class Probe(ApiModel):
    """How often the server's /v1/health is asked, and what counts as a failure."""

    initial_delay_seconds: Annotated[int | None, Field(ge=0, le=3600)] = None
    period_seconds: Seconds | None = None
    timeout_seconds: Seconds | None = None
    failure_threshold: Annotated[int | None, Field(ge=1, le=1000)] = None


class Probes(ApiModel):
    """The three probes; an unset value keeps the operator's own."""

    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None


class Toleration(ApiModel):
    """A taint that the pods tolerate."""

    key: Annotated[str | None, StringConstraints(max_length=317)] = None
    operator: Literal["Exists", "Equal"] | None = None
    value: ShortText | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Annotated[int | None, Field(ge=0)] = None


class Requirement(ApiModel):
    """One requirement of a label or node selector."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=317)]
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: Annotated[list[ShortText] | None, Field(max_length=64, json_schema_extra=ATOMIC_LIST)] = None


Requirements = Annotated[list[Requirement] | None, Field(max_length=32, json_schema_extra=ATOMIC_LIST)]


class LabelSelector(ApiModel):
    """Pods by their labels."""

    match_labels: Labels | None = None
    match_expressions: Requirements = None


class TopologySpreadConstraint(ApiModel):
    """How evenly the pods spread over a topology; the selector is the stack's own where none is given."""

    topology_key: Annotated[str, StringConstraints(min_length=1, max_length=317)]
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    max_skew: Annotated[int, Field(ge=1, le=1000)]
    min_domains: Annotated[int | None, Field(ge=1, le=1000)] = None
    label_selector: LabelSelector | None = None


class EmptyDirSource(ApiModel):
    """Scratch space that lives as long as the pod."""

    medium: Literal["Memory"] | None = None
    size_limit: Quantity | None = None


class KeyToPath(ApiModel):
    """One key and the file that it becomes."""

    key: DataKey
    path: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


Items = Annotated[list[KeyToPath] | None, Field(max_length=64, json_schema_extra=ATOMIC_LIST)]


class ConfigMapSource(ApiModel):
    """Files from a ConfigMap."""

    name: ObjectName
    items: Items = None
    optional: bool | None = None


class SecretSource(ApiModel):
    """Files from a Secret."""

    secret_name: ObjectName
    items: Items = None
    optional: bool | None = None


class ClaimSource(ApiModel):
    """An existing PersistentVolumeClaim."""

    claim_name: ObjectName
    read_only: bool | None = None


class Volume(ApiModel):
    """A volume of the pods; only kinds that the restricted profile admits and that hold no API token."""

    name: LabelName
    config_map: ConfigMapSource | None = None
    secret: SecretSource | None = None
    empty_dir: EmptyDirSource | None = None
    persistent_volume_claim: ClaimSource | None = None


class VolumeMount(ApiModel):
    """Where a volume of podTemplate.volumes appears in the server's container."""

    name: LabelName
    mount_path: MountPath
    sub_path: Annotated[str | None, StringConstraints(max_length=1024)] = None
    read_only: bool | None = None


class PodSecurity(ApiModel):
    """Numeric identities of the pods; everything else is fixed by the restricted profile."""

    run_as_user: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    run_as_group: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    fs_group: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None


EnvList = Annotated[list[EnvVar] | None, Field(max_length=128, json_schema_extra=map_list("name"))]
EnvFromList = Annotated[list[EnvFromSource] | None, Field(max_length=32, json_schema_extra=ATOMIC_LIST)]
