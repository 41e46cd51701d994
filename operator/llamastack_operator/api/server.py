"""`spec.server`: how the pods of a stack run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llamastack_operator.api.affinity import Affinity
from llamastack_operator.api.base import (
    ATOMIC_LIST,
    OTHERS_KEYS,
    Annotations,
    ApiModel,
    IntOrPercent,
    Labels,
    ObjectName,
    Quantity,
    map_list,
    rules,
)
from llamastack_operator.api.pods import (
    EnvFromList,
    EnvList,
    LocalReference,
    PodSecurity,
    Probes,
    Resources,
    Toleration,
    TopologySpreadConstraint,
    Volume,
    VolumeMount,
)

AccessMode = Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]


class Storage(ApiModel):
    """A volume for the server's state; without it the state lives as long as the pod."""

    size: Quantity | None = None
    """Size of the claim that the operator creates as <stack>-data, for example 10Gi."""
    storage_class_name: ObjectName | None = None
    """Storage class of the created claim; the cluster's default where unset."""
    access_mode: AccessMode | None = None
    """Access mode of the created claim: ReadWriteOnce where unset."""
    claim_name: ObjectName | None = None
    """An existing claim to use as it is; how a claim that outlived its stack is adopted again."""
    on_delete: Literal["Keep", "Delete"] | None = None
    """Whether the created claim outlives the stack: Keep where unset."""


STORAGE_RULES = rules(
    ("has(self.size) != has(self.claimName)", "exactly one of size and claimName must be set"),
    (
        "!has(self.claimName) || !(has(self.storageClassName) || has(self.accessMode) || has(self.onDelete))",
        "storageClassName, accessMode and onDelete belong to a claim that the operator creates: remove them, "
        "or set size instead of claimName",
    ),
    (
        "!has(oldSelf.size) || !has(self.size) || (has(oldSelf.storageClassName) == has(self.storageClassName) "
        "&& (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName))",
        "storageClassName cannot be changed after the claim was created",
    ),
    (
        "!has(oldSelf.size) || !has(self.size) || (has(oldSelf.accessMode) ? oldSelf.accessMode : "
        "'ReadWriteOnce') == (has(self.accessMode) ? self.accessMode : 'ReadWriteOnce')",
        "accessMode cannot be changed after the claim was created",
    ),
)


class Autoscaling(ApiModel):
    """A HorizontalPodAutoscaler for the stack; while it is set, the operator does not set the replicas."""

    min_replicas: Annotated[int | None, Field(ge=1, le=1000)] = None
    """Fewest pods: 1 where unset."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """Most pods."""
    target_cpu_utilization: Annotated[int | None, Field(ge=1, le=1000)] = None
    """Aim in per cent of the CPU request; 80 where no aim is set."""
    target_memory_utilization: Annotated[int | None, Field(ge=1, le=1000)] = None
    """Aim in per cent of the memory request."""


class PodDisruptionBudget(ApiModel):
    """How many pods a drain may take away; maxUnavailable: 1 where unset and several replicas run."""

    min_available: IntOrPercent | None = None
    max_unavailable: IntOrPercent | None = None


class PodMetadata(ApiModel):
    """Labels and annotations that are added to the pods."""

    labels: Annotated[Labels | None, Field(json_schema_extra=OTHERS_KEYS)] = None
    annotations: Annotated[Annotations | None, Field(json_schema_extra=OTHERS_KEYS)] = None


class PodTemplate(ApiModel):
    """What else may be set on the pods: an allow-list."""

    metadata: PodMetadata | None = None
    volumes: Annotated[list[Volume] | None, Field(max_length=32, json_schema_extra=map_list("name"))] = None
    volume_mounts: Annotated[
        list[VolumeMount] | None, Field(max_length=32, json_schema_extra=map_list("mountPath"))
    ] = None
    priority_class_name: ObjectName | None = None
    runtime_class_name: ObjectName | None = None
    termination_grace_period_seconds: Annotated[int | None, Field(ge=1, le=3600)] = None
    security_context: PodSecurity | None = None


ONE_VOLUME_SOURCE = (
    "!has(self.volumes) || self.volumes.all(v, [has(v.configMap), has(v.secret), has(v.emptyDir), "
    "has(v.persistentVolumeClaim)].filter(x, x).size() == 1)"
)
MOUNT_HAS_VOLUME = (
    "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))"
)


class Server(ApiModel):
    """The pods that serve the stack."""

    replicas: Annotated[int | None, Field(ge=0, le=1000)] = None
    """How many pods serve: 1 where unset."""
    port: Annotated[int | None, Field(ge=1024, le=65535)] = None
    """The TCP port of the server and of its Service: 8321 where unset."""
    env: EnvList = None
    env_from: EnvFromList = None
    resources: Resources | None = None
    storage: Annotated[Storage | None, Field(json_schema_extra=STORAGE_RULES)] = None
    probes: Probes | None = None
    autoscaling: Annotated[
        Autoscaling | None,
        Field(
            json_schema_extra=rules(
                (
                    "(has(self.minReplicas) ? self.minReplicas : 1) <= self.maxReplicas",
                    "minReplicas must not be larger than maxReplicas",
                )
            )
        ),
    ] = None
    pod_disruption_budget: Annotated[
        PodDisruptionBudget | None,
        Field(
            json_schema_extra=rules(
                (
                    "has(self.minAvailable) != has(self.maxUnavailable)",
                    "exactly one of minAvailable and maxUnavailable must be set",
                )
            )
        ),
    ] = None
    service_account_name: ObjectName | None = None
    """An existing ServiceAccount; where unset the stack gets one of its own. Its token is never mounted."""
    image_pull_secrets: Annotated[
        list[LocalReference] | None, Field(max_length=16, json_schema_extra=map_list("name"))
    ] = None
    node_selector: Labels | None = None
    tolerations: Annotated[list[Toleration] | None, Field(max_length=32, json_schema_extra=ATOMIC_LIST)] = None
    affinity: Affinity | None = None
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint] | None,
        Field(max_length=16, json_schema_extra=map_list("topologyKey", "whenUnsatisfiable")),
    ] = None
    pod_template: Annotated[
        PodTemplate | None,
        Field(
            json_schema_extra=rules(
                (
                    ONE_VOLUME_SOURCE,
                    "each volume needs exactly one of configMap, secret, emptyDir and persistentVolumeClaim",
                ),
                (MOUNT_HAS_VOLUME, "each volumeMount must name one of podTemplate.volumes"),
            )
        ),
    ] = None


SERVER_RULES = rules(
    (
        "!(has(self.autoscaling) && has(self.replicas))",
        "replicas and autoscaling exclude each other: remove replicas, the autoscaler sets them",
    ),
)
