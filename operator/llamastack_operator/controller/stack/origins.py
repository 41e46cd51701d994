"""Where a field of a child comes from: the way back from what the builders of `workloads/` made to the stack's spec.

A test changes each field of the spec once and follows what changes in the children back to it, so a new field of the
spec has its line here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_POD = r"spec\.template\.spec\."
_CONTAINER = _POD + r"containers\[0\]\."
_INSTALL = _POD + r"initContainers\[1\]\."
# The check has what the server has: alone, or behind the two that install.
_CHECK = _POD + r"initContainers\[[02]\]\."
_DISTRIBUTION = ("spec.distribution.image", "spec.distribution.release")
# Pattern on "Kind field", and the fields of the LlamaStack that can decide it: the first that the stack sets, else the
# first that it can have. What follows the pattern is carried over in the place of a `*`, where the shapes are the same.
_ORIGINS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"ConfigMap data\[run\.yaml\]", ("spec.runConfig", "spec.runConfigFrom")),
    (r"ConfigMap data\[providers\.d\.", ("spec.externalProviders",)),
    (r"ConfigMap data\[apis\.d\.", ("spec.externalApis",)),
    (rf"Deployment {_CONTAINER}(resources|env|envFrom)\b", (r"spec.server.\1*",)),
    (rf"Deployment {_CONTAINER}volumeMounts\b", ("spec.server.podTemplate.volumeMounts*",)),
    (rf"Deployment {_CONTAINER}ports\b", ("spec.server.port",)),
    (rf"Deployment {_CONTAINER}(startup|readiness|liveness)Probe\.httpGet", ("spec.server.port",)),
    (rf"Deployment {_CONTAINER}(startup|readiness|liveness)Probe\b", (r"spec.server.probes.\1*",)),
    (rf"Deployment {_CONTAINER}image$", ("spec.build.repository", *_DISTRIBUTION)),
    (rf"Deployment {_CHECK}(resources|env|envFrom)\b", (r"spec.server.\1*",)),
    (rf"Deployment {_CHECK}volumeMounts\b", ("spec.server.podTemplate.volumeMounts*",)),
    (rf"Deployment {_CHECK}image$", ("spec.build.repository", *_DISTRIBUTION)),
    (rf"Deployment {_INSTALL}image$", _DISTRIBUTION),
    (rf"Deployment {_INSTALL}resources\b", ("spec.build.resources*",)),
    (rf"Deployment {_POD}volumes\b", ("spec.server.podTemplate.volumes*",)),
    (rf"Deployment {_POD}imagePullSecrets\b", ("spec.server.imagePullSecrets*", "spec.build.pullSecretRef")),
    (
        rf"Deployment {_POD}(affinity|tolerations|nodeSelector|topologySpreadConstraints|serviceAccountName)\b",
        (r"spec.server.\1*",),
    ),
    (
        rf"Deployment {_POD}(priorityClassName|runtimeClassName|terminationGracePeriodSeconds|securityContext)\b",
        (r"spec.server.podTemplate.\1*",),
    ),
    (r"Deployment spec\.template\.(?:metadata\.)?(labels|annotations)\b", (r"spec.server.podTemplate.metadata.\1*",)),
    (r"Deployment spec\.template\.metadata", ("spec.server.podTemplate.metadata",)),
    (r"Deployment spec\.replicas$", ("spec.server.replicas",)),
    (r"Deployment spec\.strategy\b", ("spec.server.storage",)),
    (r"Service spec\.type$", ("spec.network.service.type",)),
    (r"Service spec\.ports\b", ("spec.server.port",)),
    (r"Service spec\b", ("spec.network.service",)),
    (r"Service metadata\.annotations", ("spec.network.service.annotations*",)),
    (r"PersistentVolumeClaim spec\.resources\b", ("spec.server.storage.size",)),
    (r"PersistentVolumeClaim spec\.accessModes\b", ("spec.server.storage.accessMode",)),
    (r"PersistentVolumeClaim spec\.storageClassName$", ("spec.server.storage.storageClassName",)),
    (r"PersistentVolumeClaim spec\b", ("spec.server.storage",)),
    (r"PersistentVolumeClaim metadata\.ownerReferences", ("spec.server.storage.onDelete",)),
    (r"HorizontalPodAutoscaler spec\.(minReplicas|maxReplicas)$", (r"spec.server.autoscaling.\1",)),
    (r"HorizontalPodAutoscaler spec\b", ("spec.server.autoscaling",)),
    (r"PodDisruptionBudget spec\.(minAvailable|maxUnavailable)$", (r"spec.server.podDisruptionBudget.\1",)),
    (r"PodDisruptionBudget spec\b", ("spec.server.podDisruptionBudget",)),
)
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]*)\]")


def origin(kind: str, field: str, spec: Mapping[str, Any]) -> str | None:
    """Return the field of a LlamaStack that a field of a child was made from, or None where it is the operator's own.

    Args:
        kind: the kind of the child.
        field: the field as the API server names it, for example `spec.template.spec.containers[0].image`.
        spec: the spec of the stack as the API has it.
    """
    place = f"{kind} {field}"
    for pattern, targets in _ORIGINS:
        match = re.match(pattern, place)
        if match is None:
            continue
        paths = [match.expand(target).replace("*", place[match.end() :]) for target in targets]
        states = {path: _state(path, spec) for path in paths}
        for wanted in ("set", "unset"):
            for path in paths:
                if states[path] == wanted:
                    return path
        return None
    return None


def _state(path: str, spec: Mapping[str, Any]) -> str:
    """Tell whether a spec sets a field, does not, or cannot: the operator puts its own entries behind a stack's."""
    value: Any = {"spec": spec}
    for name, number in _STEP.findall(path):
        if isinstance(value, list):
            if not number.isdigit() or int(number) >= len(value):
                return "impossible"
            value = value[int(number)]
        elif isinstance(value, Mapping) and (name or number) in value:
            value = value[name or number]
        elif number.isdigit():
            # An entry of a list that the stack does not have.
            return "impossible"
        else:
            return "unset"
    return "set"
