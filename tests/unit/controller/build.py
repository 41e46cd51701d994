"""Makes snapshots from objects as the API server serves them."""

from __future__ import annotations

import itertools
from typing import Any

from llamastack_operator.controller.snapshot import Referred, Snapshot
from llamastack_operator.controller.stack import stack_from
from llamastack_operator.kube.objects import Child, child_from
from llamastack_operator.kube.pods import Pod, pod_from
from llamastack_operator.kube.resources import DEPLOYMENTS, Resource

UID = "11111111-2222-3333-4444-555555555555"
REVISION = "new"
_version = itertools.count(100)


def llamastack(generation: int = 2, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a LlamaStack of the API."""
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {
            "namespace": "team-a",
            "name": "bot",
            "uid": UID,
            "resourceVersion": str(next(_version)),
            "generation": generation,
        },
        "spec": {
            "distribution": {"image": "docker.io/llamastack/distribution-starter:0.7.3"},
            "runConfig": {"providers": {"inference": [{"provider_id": "a", "provider_type": "remote::vllm"}]}},
            **spec,
        },
        "status": status or {},
    }


def child(resource: Resource, name: str = "bot", owner: str = UID, **parts: Any) -> Child:
    """Return an object of the stack `bot`, owned by a stack of this UID."""
    metadata: dict[str, Any] = {
        "namespace": "team-a",
        "name": name,
        "uid": f"{resource.kind}-{name}",
        "resourceVersion": str(next(_version)),
        "labels": {"llamastack.dev/stack": "bot"},
    }
    if owner:
        metadata["ownerReferences"] = [{"kind": "LlamaStack", "name": "bot", "uid": owner, "controller": True}]
    metadata.update(parts.pop("metadata", {}))
    return child_from(resource, {"metadata": metadata, **parts})


def deployment(
    wanted: int = 1,
    updated: int | None = None,
    available: int | None = None,
    replicas: int | None = None,
    observed: int = 4,
    conditions: tuple[dict[str, Any], ...] = (),
) -> Child:
    """Return the Deployment of generation 4; counts that are not given are as wanted."""
    counts = {
        "replicas": wanted if replicas is None else replicas,
        "updatedReplicas": wanted if updated is None else updated,
        "availableReplicas": wanted if available is None else available,
        "readyReplicas": wanted if available is None else available,
    }
    return child(
        DEPLOYMENTS,
        metadata={"generation": 4},
        spec={
            "replicas": wanted,
            "template": {"metadata": {"annotations": {"llamastack.dev/revision": REVISION}}},
        },
        status={"observedGeneration": observed, "conditions": list(conditions), **counts},
    )


def pod(
    name: str = "bot-new-1",
    revision: str = REVISION,
    ready: bool = False,
    container: dict[str, Any] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    **status: Any,
) -> Pod:
    """Return a pod of the stack; `container` is the status of its one container."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *status.pop("conditions", [])]
    entry = {"name": "server", "ready": ready, "restartCount": 0, "imageID": "", "state": {}, **(container or {})}
    return pod_from(
        {
            "metadata": {
                "namespace": "team-a",
                "name": name,
                "uid": name,
                "resourceVersion": str(next(_version)),
                "labels": {"llamastack.dev/stack": "bot"},
                "annotations": {"llamastack.dev/revision": revision},
                "creationTimestamp": created,
                **status.pop("metadata", {}),
            },
            "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [entry], **status},
        }
    )


def crashed(restarts: int = 3, code: int = 1, reason: str = "Error") -> dict[str, Any]:
    """Return the status of a container that ended and waits for its next start."""
    return {
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
        "lastState": {"terminated": {"reason": reason, "exitCode": code, "finishedAt": "2026-01-01T00:01:00Z"}},
    }


def snapshot(body: dict[str, Any], *members: Child | Pod, referred: Referred | None = None) -> Snapshot:
    """Return a snapshot of a stack and its members."""
    children = tuple(member for member in members if isinstance(member, Child))
    pods = tuple(member for member in members if isinstance(member, Pod))
    return Snapshot(stack_from(body), children, pods, referred or Referred())
