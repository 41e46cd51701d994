"""What is kept of a pod: just what explains why it serves or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import REVISION_ANNOTATION, STACK_LABEL
from llamastack_operator.objects.child import Key


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How a container stands.

    Attributes:
        name: its name.
        ready: whether it is ready.
        restarts: how often it was started again.
        image: the image as pulled, by digest where the runtime says so.
        waiting: reason and message of its waiting, if it waits.
        ended: reason, exit code and finish time of its last end, if it ever ended.
        running: whether it runs now.
    """

    name: str
    ready: bool
    restarts: int
    image: str
    waiting: tuple[str, str] | None
    ended: tuple[str, int, str] | None
    running: bool


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a stack.

    Attributes:
        key: its namespace and name.
        group: the name of its stack.
        uid: its UID.
        version: its resourceVersion.
        revision: the digest of the template that it was made from.
        created: its creation time (RFC 3339).
        phase: Pending, Running, Succeeded, Failed or Unknown.
        ready: whether it is in the endpoints of the Service.
        deleting: whether it is on its way out.
        unschedulable: the scheduler's words, empty where a node took it.
        evicted: the reason and message of the pod itself, for example of an eviction.
        containers: its containers.
    """

    key: Key
    group: str
    uid: str
    version: int
    revision: str
    created: str
    phase: str
    ready: bool
    deleting: bool
    unschedulable: str
    evicted: str
    containers: tuple[ContainerState, ...]


def pod_from(body: Mapping[str, Any]) -> Pod:
    """Return what is kept of a pod of the API."""
    metadata, status = body["metadata"], body.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    unschedulable = scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else ""
    asked = {container["name"]: container.get("image", "") for container in body["spec"]["containers"]}
    return Pod(
        key=(metadata["namespace"], metadata["name"]),
        group=(metadata.get("labels") or {}).get(STACK_LABEL, ""),
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        revision=(metadata.get("annotations") or {}).get(REVISION_ANNOTATION, ""),
        created=metadata.get("creationTimestamp", ""),
        phase=status.get("phase", "Unknown"),
        ready=conditions.get("Ready", {}).get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        unschedulable=unschedulable,
        evicted=": ".join(part for part in (status.get("reason", ""), status.get("message", "")) if part),
        containers=tuple(_container(entry, asked) for entry in status.get("containerStatuses") or []),
    )


def at_digest(image: str, digest: str) -> str:
    """Return a reference to an image's repository by digest, whatever tag or digest the image itself names."""
    folder, slash, name = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}@{digest}"


def pulled(asked: str, image_id: str) -> str:
    """Return the image that was pulled, by digest, under the name that was asked for.

    A node that holds the same content under several names reports whichever comes first in its store.

    Args:
        asked: the image of the pod's spec.
        image_id: the `imageID` of the container's status.
    """
    _, at, digest = image_id.rpartition("@")
    return at_digest(asked, digest) if at and asked else image_id


def _container(entry: Mapping[str, Any], asked: Mapping[str, str]) -> ContainerState:
    state = entry.get("state") or {}
    waiting = state.get("waiting")
    ended = state.get("terminated") or (entry.get("lastState") or {}).get("terminated")
    return ContainerState(
        name=entry["name"],
        ready=bool(entry.get("ready")),
        restarts=entry.get("restartCount", 0),
        image=pulled(asked.get(entry["name"], ""), entry.get("imageID", "")),
        waiting=(waiting.get("reason", ""), waiting.get("message", "")) if waiting else None,
        ended=(ended.get("reason", ""), ended.get("exitCode", 0), ended.get("finishedAt", "")) if ended else None,
        running="running" in state,
    )
