"""What the containers of a build's pod do, as a digest: of a Job's template and of its pod it has to be the same.

A pod that somebody else made can be given to a Job: its controller adopts whatever its selector matches. Such a pod has
the right images, or it is found out by them; this tells whether it does the right thing with them. What an API server
fills in is left out, so that a Job as it was sent and as it is stored are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.objects.child import digest
from llamastack_operator.objects.fields import mapping, mappings, text

_RUNS = ("command", "args", "workingDir", "envFrom", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe")
"""What a container runs, at its start or beside it, and what it reads whole."""
_SHARED = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
"""By these, one container sees what is another's."""


def recipe_of(pod: Mapping[str, Any]) -> str:
    """Return the digest of what the containers of a pod's spec run, with which variables and files, leaving images out.

    Raises:
        UnreadableError: it is not what the API says.
    """
    volumes = {text(volume, "name"): _source(volume) for volume in mappings(pod, "volumes")}
    shared = [name for name in _SHARED if pod.get(name)]
    return digest([[_container(one, volumes) for one in containers_of(pod)], shared])


def images_of(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the image of each container of a pod's spec.

    Raises:
        UnreadableError: it is not what the API says.
    """
    return {text(one, "name"): text(one, "image") for one in containers_of(pod)}


def containers_of(pod: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the containers of a pod's spec, those of its start first.

    Raises:
        UnreadableError: it is not what the API says.
    """
    return (*mappings(pod, "initContainers"), *mappings(pod, "containers"))


def _container(container: Mapping[str, Any], volumes: Mapping[str, Any]) -> list[Any]:
    runs = {name: container[name] for name in _RUNS if container.get(name)}
    variables = [
        [text(one, "name"), text(one, "value"), mapping(one, "valueFrom")] for one in mappings(container, "env")
    ]
    mounts = sorted(
        (
            text(one, "mountPath"),
            bool(one.get("readOnly")),
            text(one, "subPath") or text(one, "subPathExpr"),
            digest(volumes.get(text(one, "name"))),
        )
        for one in mappings(container, "volumeMounts")
    )
    return [text(container, "name"), runs, variables, mounts]


def _source(volume: Mapping[str, Any]) -> list[Any]:
    """Return where the files of a volume come from, without what the API server fills in."""
    for kind, name in (("configMap", "name"), ("secret", "secretName")):
        if kind in volume:
            source = mapping(volume, kind)
            items = [[text(item, "key"), text(item, "path")] for item in mappings(source, "items")]
            return [kind, text(source, name), items]
    if "emptyDir" in volume:
        # Which of several they share is in its name.
        return ["emptyDir", text(volume, "name")]
    return [volume]
