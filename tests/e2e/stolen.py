"""What somebody with the operator's token could try to make: each as the operator itself would, but for one change."""

from __future__ import annotations

import copy
from typing import Any

OURS = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": "bot"}
type Body = dict[str, Any]


def body(api_version: str, kind: str, **parts: Any) -> Body:
    """Return an object that the operator could have made, but for its owner."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "bot-x", "labels": OURS}, **parts}


def pod(**changes: Any) -> Body:
    """Return the spec of a restricted pod, with changes."""
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "server", "image": "a.example/b:1", "securityContext": security}],
        **changes,
    }


def deployment(**changes: Any) -> Body:
    """Return a Deployment without pods, with changes of their spec."""
    template = {"metadata": {"labels": OURS}, "spec": pod(**changes)}
    selector = {"matchLabels": {"llamastack.dev/stack": "bot"}}
    return body("apps/v1", "Deployment", spec={"replicas": 0, "selector": selector, "template": template})


def job(**changes: Any) -> Body:
    """Return a Job that does not run, with changes of its pod's spec."""
    template = {"metadata": {"labels": OURS}, "spec": pod(restartPolicy="Never", **changes)}
    return body("batch/v1", "Job", spec={"suspend": True, "template": template})


def selecting(one: Body, labels: Body, **spec: Any) -> Body:
    """Return a Deployment or Job that selects pods by these labels, and so would adopt others' pods."""
    template = {**one["spec"]["template"], "metadata": {"labels": labels}}
    return {**one, "spec": {**one["spec"], "selector": {"matchLabels": labels}, "template": template, **spec}}


def service(**spec: Any) -> Body:
    """Return a Service, with changes of its spec."""
    return body("v1", "Service", spec={"selector": OURS, "ports": [{"port": 8321}], **spec})


def claim() -> Body:
    """Return a claim."""
    return body(
        "v1",
        "PersistentVolumeClaim",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )


def budget(selector: Body) -> Body:
    """Return a disruption budget that lets none of these pods be evicted."""
    return body("policy/v1", "PodDisruptionBudget", spec={"minAvailable": "100%", "selector": selector})


def autoscaler(name: str) -> Body:
    """Return an autoscaler of the Deployment of this name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return body("autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": target, "maxReplicas": 2})


def build(owners: list[Body]) -> Body:
    """Return a build with these owners."""
    spec = {"key": "a" * 64, "strategy": "Image", "inputs": {}, "reasons": [], "access": {}}
    made = body("llamastack.dev/v1alpha1", "LlamaStackBuild", spec=spec)
    return {**made, "metadata": {**made["metadata"], "ownerReferences": owners}}


def with_container(init: bool = False, **security: Any) -> Body:
    """Return changes of a pod by which one of its containers has another security context."""
    (container,) = pod()["containers"]
    changed = {**container, "name": "other", "securityContext": {**container["securityContext"], **security}}
    return {"initContainers": [changed]} if init else {"containers": [changed]}


def owned(one: Body, owner: Body, **reference: Any) -> Body:
    """Return an object with a reference to the stack, with changes of it."""
    copied = copy.deepcopy(one)
    copied["metadata"]["ownerReferences"] = [{**owner, **reference}]
    return copied
