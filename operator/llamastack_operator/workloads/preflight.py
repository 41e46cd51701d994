"""The Job that checks a revision before the pods that serve are stopped for it.

Where a volume forces `Recreate` the old pod goes before the new one can say that it does not start. So the check runs
beforehand, with all that its pod would have but what the old one holds: its claims are scratch storage, and it asks for
no extended resources. It bears no label by which pods are selected: a Job's pod is Ready at once, and clients would be
sent to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_operator.api.labels import REVISION_ANNOTATION, preflight_labels
from llamastack_operator.objects.resources import JOBS
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.names import preflight_name

PLACED_WITHIN = 60
"""Seconds within which a node must take the pod."""
_KEPT_AFTER_END = 3600
"""Seconds that the log can be read; what was found stands in the status."""
_SHARED = ("cpu", "memory", "ephemeral-storage")
"""What a node has for several pods at once. The rest the old pod may hold alone."""
_NO_DEVICES = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
# Neither a priority, for it must push no other pod away, nor what spreads or gathers the pods that it is none of.
_FIELDS = (
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "securityContext",
    "imagePullSecrets",
    "nodeSelector",
    "tolerations",
    "runtimeClassName",
)


def is_checked(template: Mapping[str, Any]) -> bool:
    """Tell whether pods of a template check themselves before their server starts."""
    return any(container["name"] == CHECK for container in template["spec"].get("initContainers", ()))


def preflight_job(owner: Owner, template: Mapping[str, Any], deadline: int) -> dict[str, Any]:
    """Return the Job that checks a template.

    Args:
        owner: the stack.
        template: the pods' template, of pods that check themselves.
        deadline: the seconds that the check may take.
    """
    namespace, stack = owner.key
    annotations = dict(template["metadata"]["annotations"])
    revision = annotations[REVISION_ANNOTATION]
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "namespace": namespace,
            "name": preflight_name(stack, revision),
            "labels": preflight_labels(stack),
            "annotations": {REVISION_ANNOTATION: revision},
            "ownerReferences": [owner.reference()],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": longest(deadline),
            "ttlSecondsAfterFinished": _KEPT_AFTER_END,
            "template": {
                # Annotations ask for what pods are given from outside, such as secrets; labels are what selects them.
                "metadata": {"labels": preflight_labels(stack), "annotations": annotations},
                "spec": _pod(template["spec"]),
            },
        },
    }


def longest(deadline: int) -> int:
    """Return the seconds that a preflight may take: to be placed, to pull and install, and to check.

    Args:
        deadline: the seconds that the check may take.
    """
    return PLACED_WITHIN + 2 * deadline


def scratch_mounts(template: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where a preflight has scratch storage in the place of claims."""
    claims = {volume["name"] for volume in template["spec"]["volumes"] if "persistentVolumeClaim" in volume}
    check = next(container for container in template["spec"]["initContainers"] if container["name"] == CHECK)
    return tuple(mount["mountPath"] for mount in check["volumeMounts"] if mount["name"] in claims)


def _pod(spec: Mapping[str, Any]) -> dict[str, Any]:
    containers = [_without_devices(container) for container in spec["initContainers"]]
    place = [container["name"] for container in containers].index(CHECK)
    affinity = {name: value for name, value in spec.get("affinity", {}).items() if name == "nodeAffinity"}
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        **{name: spec[name] for name in _FIELDS if name in spec},
        **({"affinity": affinity} if affinity else {}),
        **({"initContainers": containers[:place]} if place else {}),
        "containers": [containers[place]],
        "volumes": [_scratch(volume) for volume in spec["volumes"]],
    }


def _scratch(volume: Mapping[str, Any]) -> dict[str, Any]:
    if "persistentVolumeClaim" not in volume:
        return dict(volume)
    return {"name": volume["name"], "emptyDir": {}}


def _without_devices(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container that asks for nothing that the old pod may hold alone, and is given none of it by its runtime
    either: some hand out every GPU of the node where none is asked for."""
    asked = container.get("resources", {})
    kept = {kind: {name: of[name] for name in _SHARED if name in of} for kind, of in asked.items()}
    if kept == asked:
        return dict(container)
    known = [entry for entry in container.get("env", ()) if entry["name"] != _NO_DEVICES["name"]]
    resources = {kind: of for kind, of in kept.items() if of}
    without = {name: value for name, value in container.items() if name != "resources"}
    return {**without, **({"resources": resources} if resources else {}), "env": [*known, _NO_DEVICES]}
