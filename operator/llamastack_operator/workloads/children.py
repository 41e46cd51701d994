"""All objects of a stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llamastack_contract.paths import PROVEN_FILE
from llamastack_operator.api.labels import OWNER_ANNOTATION, REVISION_ANNOTATION, selector_labels
from llamastack_operator.api.server import Server, Storage
from llamastack_operator.api.stack import LlamaStackSpec, Network, ServiceSettings
from llamastack_operator.objects.child import Desired
from llamastack_operator.objects.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    HORIZONTALPODAUTOSCALERS,
    PERSISTENTVOLUMECLAIMS,
    PODDISRUPTIONBUDGETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from llamastack_operator.workloads.desired import Owner, desired
from llamastack_operator.workloads.external import NO_FILES
from llamastack_operator.workloads.names import created_claim_name, replicas, server_port
from llamastack_operator.workloads.pod import pod_template, progress_deadline
from llamastack_operator.workloads.run_config import config_map, config_map_name
from llamastack_operator.workloads.runtime import Runtime
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_operator.workloads.start_program import proven_by

DEFAULT_CPU_UTILIZATION = 80
"""Per cent of the CPU request that an autoscaler aims at where nothing else is said."""


def children(
    owner: Owner,
    spec: LlamaStackSpec,
    runtime: Runtime,
    run_config: str,
    references: str,
    shared_volume: bool,
    settings: WorkloadSettings,
    files: Mapping[str, str] = NO_FILES,
) -> list[Desired]:
    """Return every object that a stack is made of.

    Args:
        owner: the stack.
        spec: its spec.
        runtime: what its pods run.
        run_config: its run config as text.
        references: the digest of the referenced ConfigMaps, empty where there are none.
        shared_volume: whether several pods can mount the state volume at once.
        settings: the operator's defaults.
        files: the files of external providers and APIs by their paths below the mount.
    """
    server = spec.server or Server()
    config_name = config_map_name(owner.key[1], run_config, files)
    template = pod_template(owner.key[1], spec, runtime, config_name, references, settings)
    wanted = [
        config_map(owner, run_config, files),
        None if server.service_account_name else _account(owner),
        _claim(owner, server.storage),
        _service(owner, spec),
        _deployment(owner, spec, template, shared_volume, progress_deadline(spec, runtime, settings)),
        _disruption_budget(owner, spec, server),
        _autoscaler(owner, spec, server),
    ]
    return [child for child in wanted if child is not None]


def revision_of(wanted: Iterable[Desired]) -> str:
    """Return the revision of the pods among the objects of a stack; empty where there is no Deployment."""
    deployment = next((item.body for item in wanted if item.resource is DEPLOYMENTS), None)
    return str(deployment["spec"]["template"]["metadata"]["annotations"][REVISION_ANNOTATION]) if deployment else ""


def proven_config_map(owner: Owner, wanted: Iterable[Desired]) -> Desired | None:
    """Return what says to later pods that pods like them were ready once; None where none is checked.

    Args:
        owner: the stack.
        wanted: its other objects.
    """
    deployment = next(item.body for item in wanted if item.resource is DEPLOYMENTS)
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    name = next((found for volume in volumes if (found := proven_by(volume))), None)
    body = {"data": {PROVEN_FILE: ""}, "immutable": True}
    return desired(CONFIGMAPS, owner, name, body) if name else None


def _account(owner: Owner) -> Desired:
    return desired(SERVICEACCOUNTS, owner, owner.key[1], {"automountServiceAccountToken": False})


def _service(owner: Owner, spec: LlamaStackSpec) -> Desired:
    settings = (spec.network or Network()).service or ServiceSettings()
    port = {"name": "http", "port": server_port(spec), "protocol": "TCP", "targetPort": "http"}
    body = {
        "type": settings.type or "ClusterIP",
        "selector": selector_labels(owner.key[1]),
        "ports": [port],
    }
    return desired(SERVICES, owner, owner.key[1], {"spec": body}, annotations=settings.annotations)


def _deployment(
    owner: Owner,
    spec: LlamaStackSpec,
    template: dict[str, Any],
    shared_volume: bool,
    deadline: int,
) -> Desired:
    # A volume that one node holds cannot be mounted by the new pod while the old one has it, and two servers must
    # not write one SQLite file.
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    body: dict[str, Any] = {
        "selector": {"matchLabels": selector_labels(owner.key[1])},
        "strategy": rolling if shared_volume else {"type": "Recreate"},
        "revisionHistoryLimit": 2,
        "progressDeadlineSeconds": deadline,
        "template": template,
    }
    if not autoscaled(spec):
        body["replicas"] = replicas(spec)
    return desired(DEPLOYMENTS, owner, owner.key[1], {"spec": body})


def autoscaled(spec: LlamaStackSpec) -> bool:
    """Tell whether an autoscaler sets the replicas."""
    return bool(spec.server and spec.server.autoscaling and not spec.suspend)


def _claim(owner: Owner, storage: Storage | None) -> Desired | None:
    if storage is None or storage.size is None:
        return None
    body: dict[str, Any] = {
        "accessModes": [storage.access_mode or "ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name:
        body["storageClassName"] = storage.storage_class_name
    return desired(
        PERSISTENTVOLUMECLAIMS,
        owner,
        created_claim_name(owner.key[1]),
        {"spec": body},
        annotations={OWNER_ANNOTATION: owner.uid},
        owned=storage.on_delete == "Delete",
    )


def _disruption_budget(owner: Owner, spec: LlamaStackSpec, server: Server) -> Desired | None:
    several = replicas(spec) > 1 or (autoscaled(spec) and (server.autoscaling is not None))
    chosen = server.pod_disruption_budget
    if chosen is None and not several:
        return None
    budget = chosen.to_wire() if chosen else {"maxUnavailable": 1}
    body = {**budget, "selector": {"matchLabels": selector_labels(owner.key[1])}}
    return desired(PODDISRUPTIONBUDGETS, owner, owner.key[1], {"spec": body})


def _autoscaler(owner: Owner, spec: LlamaStackSpec, server: Server) -> Desired | None:
    scaling = server.autoscaling
    if scaling is None or not autoscaled(spec):
        return None
    targets = {"cpu": scaling.target_cpu_utilization, "memory": scaling.target_memory_utilization}
    if not any(targets.values()):
        targets = {"cpu": DEFAULT_CPU_UTILIZATION}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.key[1]},
        "minReplicas": scaling.min_replicas or 1,
        "maxReplicas": scaling.max_replicas,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": target}},
            }
            for name, target in targets.items()
            if target
        ],
    }
    return desired(HORIZONTALPODAUTOSCALERS, owner, owner.key[1], {"spec": body})
