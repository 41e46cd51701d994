"""What is kept of a pod: just what explains why it serves or does not, and what its start check said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import StartReport
from llamastack_operator.api.labels import REVISION_ANNOTATION, STACK_LABEL
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import (
    annotation,
    controller_of,
    is_of_kind,
    label,
    mapping,
    mappings,
    metadata_of,
    number,
    text,
    version_of,
)

_LONGEST_MESSAGE = 4096
"""Most characters of a termination message that are kept: as many bytes as Kubernetes does."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


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
class StartCheck:
    """How the start check of a pod stands.

    Attributes:
        container: the container that it runs in.
        said: what it said when it ended last, as text: a tenth of what it takes when it is read.
        finished: when that was (RFC 3339); empty where it never ended.
        asked: the image of the pod's spec.
        digest: of the image that it was made from; empty as long as that is not known.
    """

    container: ContainerState
    said: str
    finished: str
    asked: str = ""
    digest: str = ""

    @property
    def report(self) -> StartReport | None:
        """What it said; None where that cannot be read."""
        return _read(self.said)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a stack.

    Attributes:
        key: its namespace and name.
        group: the name of its stack; empty where its chain of owners leads to no Deployment of that name.
        uid: its UID.
        version: its resourceVersion.
        revision: the digest of the template that it was made from.
        created: its creation time (RFC 3339).
        phase: Pending, Running, Succeeded, Failed or Unknown.
        ready: whether it is in the endpoints of the Service.
        deleting: whether it is on its way out.
        unschedulable: the scheduler's words, empty where a node took it.
        evicted: the reason and message of the pod itself, for example of an eviction.
        containers: its containers, those that run before its server among them, but for the start check.
        check: how its start check stands; None where it has none, or none was started.
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
    check: StartCheck | None = None


def pod_from(body: Mapping[str, Any]) -> Pod:
    """Return what is kept of a pod of the API.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata, status = metadata_of(body), mapping(body, "status")
    conditions = {text(condition, "type"): condition for condition in mappings(status, "conditions")}
    scheduled = conditions.get("PodScheduled", {})
    unschedulable = text(scheduled, "message") if scheduled.get("reason") == "Unschedulable" else ""
    spec = mapping(body, "spec")
    containers = [*mappings(spec, "initContainers"), *mappings(spec, "containers")]
    asked = {text(container, "name"): text(container, "image") for container in containers}
    before = mappings(status, "initContainerStatuses")
    states = [*(one for one in before if text(one, "name") != CHECK), *mappings(status, "containerStatuses")]
    return Pod(
        key=(metadata["namespace"], metadata["name"]),
        group=_stack_of(metadata),
        uid=metadata["uid"],
        version=version_of(metadata),
        revision=annotation(metadata, REVISION_ANNOTATION),
        created=text(metadata, "creationTimestamp"),
        phase=text(status, "phase", "Unknown"),
        ready=conditions.get("Ready", {}).get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        unschedulable=unschedulable,
        evicted=": ".join(part for part in (text(status, "reason"), text(status, "message")) if part),
        containers=tuple(_container(entry, asked) for entry in states),
        check=next((check_from(entry, asked) for entry in before if text(entry, "name") == CHECK), None),
    )


def _stack_of(metadata: Mapping[str, Any]) -> str:
    """Return the stack of a pod's label, if a ReplicaSet of the Deployment of that name made the pod; else nothing.

    A label is anybody's to write. The name of a ReplicaSet is the Deployment's and one more word, which has no dash; so
    pods of a Deployment of another name, and pods of none, speak for no stack (docs/decisions/0026-whose-object.md).
    """
    owner, stack = controller_of(metadata), label(metadata, STACK_LABEL)
    made_by, _, word = text(owner, "name").rpartition("-")
    return stack if word and made_by == stack and is_of_kind(owner, "apps", "ReplicaSet") else ""


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


def digest_of(reference: str) -> str:
    """Return the digest that a reference to an image, or an `imageID`, ends with; empty where it has none."""
    found = _DIGEST.search(reference)
    return found[0] if found else ""


def check_from(entry: Mapping[str, Any], asked: Mapping[str, str]) -> StartCheck:
    """Return how a start check stands, by the status of its container.

    Args:
        entry: the status of its container.
        asked: the images of the pod's spec, by container.
    """
    ended, image = _end_of(entry), asked.get(CHECK, "")
    return StartCheck(
        _container(entry, asked),
        text(ended, "message")[:_LONGEST_MESSAGE],
        text(ended, "finishedAt"),
        image,
        # What was asked for by digest is just that, whichever of its manifests the runtime names.
        digest_of(image) or digest_of(text(entry, "imageID")),
    )


@lru_cache(maxsize=64)
def _read(said: str) -> StartReport | None:
    return StartReport.parse(said)


def _end_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a container ended last; empty where it never did."""
    return mapping(mapping(entry, "state"), "terminated") or mapping(mapping(entry, "lastState"), "terminated")


def _container(entry: Mapping[str, Any], asked: Mapping[str, str]) -> ContainerState:
    state, name = mapping(entry, "state"), text(entry, "name")
    waiting = mapping(state, "waiting")
    ended = _end_of(entry)
    return ContainerState(
        name=name,
        ready=bool(entry.get("ready")),
        restarts=number(entry, "restartCount"),
        image=pulled(asked.get(name, ""), text(entry, "imageID")),
        waiting=(text(waiting, "reason"), text(waiting, "message")) if waiting else None,
        ended=(text(ended, "reason"), number(ended, "exitCode"), text(ended, "finishedAt")) if ended else None,
        running="running" in state,
    )
