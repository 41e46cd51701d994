"""What is kept of builds, their Jobs and their pods.

Of a build the lock is dropped, the largest part, since only its own pass needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.base import API_VERSION
from llamastack_operator.api.labels import ATTEMPT_ANNOTATION, BUILD_LABEL, RERUN_ANNOTATION, build_labels
from llamastack_operator.objects.build_recipe import containers_of, recipe_of
from llamastack_operator.objects.build_spec import BuildSpec, build_spec
from llamastack_operator.objects.build_status import BuildStatus, build_status
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import (
    UnreadableError,
    annotation,
    controller_of,
    digits,
    label,
    mapping,
    mappings,
    metadata_of,
    number,
    text,
    version_of,
)
from llamastack_operator.objects.owners import owner_reference
from llamastack_operator.objects.resources import LLAMASTACKBUILDS, LLAMASTACKS


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """A LlamaStackBuild.

    Attributes:
        key: its namespace and name.
        uid: its UID.
        version: its resourceVersion.
        created: its creation time (RFC 3339).
        deleting: whether it is on its way out.
        owners: the owner references, in wire form; one for each stack that uses it.
        spec: its spec.
        status: its status, without the lock.
        locked: whether the status has a lock.
        rerun: a new value asks to make the image again from the lock, as its annotation has it.
    """

    key: Key
    uid: str
    version: int
    created: str
    deleting: bool
    owners: tuple[Mapping[str, Any], ...]
    spec: BuildSpec
    status: BuildStatus
    locked: bool
    rerun: str = ""

    @property
    def group(self) -> str:
        """Its own name, for the queue."""
        return self.key[1]

    @property
    def inputs_key(self) -> str:
        """The hash of its inputs."""
        return self.spec.key

    @property
    def phase(self) -> str:
        """Queued, Building, Succeeded or Failed."""
        return self.status.phase or "Queued"

    @property
    def owner_uids(self) -> frozenset[str]:
        """The UIDs of the stacks that use it."""
        return frozenset(owner["uid"] for owner in self.owners)


def build_from(body: Mapping[str, Any]) -> BuildRecord:
    """Return what is kept of a LlamaStackBuild of the API.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata = metadata_of(body)
    status = mapping(body, "status")
    owners = mappings(metadata, "ownerReferences")
    if not all(text(owner, "uid") for owner in owners):
        raise UnreadableError("ownerReferences have no UID")
    return BuildRecord(
        key=(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        version=version_of(metadata),
        created=text(metadata, "creationTimestamp"),
        deleting="deletionTimestamp" in metadata,
        owners=owners,
        spec=build_spec(body.get("spec")),
        status=build_status(status),
        locked=status.get("lock") is not None,
        rerun=annotation(metadata, RERUN_ANNOTATION),
    )


def build_body(stack: Key, uid: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the LlamaStackBuild of a spec, owned by the stack that asks for it.

    Args:
        stack: the stack's namespace and name.
        uid: its UID.
        name: the name of the build.
        spec: its spec, in wire form.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": LLAMASTACKBUILDS.kind,
        "metadata": {
            "namespace": stack[0],
            "name": name,
            "labels": build_labels(name),
            "ownerReferences": [owner_reference(LLAMASTACKS, stack[1], uid)],
        },
        "spec": dict(spec),
    }


def owner_entry(namespace: str, uid: str) -> Key:
    """Return the entry of the index under which the builds of a stack are found."""
    return namespace, f"owner:{uid}"


def inputs_entry(namespace: str, key: str) -> Key:
    """Return the entry of the index under which the builds of some inputs are found."""
    return namespace, f"key:{key}"


def phase_entry(phase: str) -> Key:
    """Return the entry of the index under which the builds of a phase are found, in all namespaces."""
    return "", f"phase:{phase}"


def build_index(build: BuildRecord) -> tuple[Key, ...]:
    """Index builds by their namespace, by their phase, by their inputs and by the stacks that use them."""
    namespace = build.key[0]
    return (
        (namespace, ""),
        phase_entry(build.phase),
        inputs_entry(namespace, build.inputs_key),
        *(owner_entry(namespace, uid) for uid in sorted(build.owner_uids)),
    )


@dataclass(frozen=True, slots=True)
class BuildJob:
    """A Job of a build: one try.

    Attributes:
        key: its namespace and name.
        group: the name of its build.
        uid: its UID.
        version: its resourceVersion.
        build_uid: the UID of its build.
        attempt: which try it is, from 1.
        recipe: the digest of what its pods are to run.
        deleting: whether it is on its way out.
        started: when it started (RFC 3339), empty before.
        ended: Complete or Failed with reason and message, or None while it runs.
    """

    key: Key
    group: str
    uid: str
    version: int
    build_uid: str
    attempt: int
    recipe: str
    deleting: bool
    started: str
    ended: tuple[str, str, str] | None


def job_from(body: Mapping[str, Any]) -> BuildJob | None:
    """Return what is kept of a Job of the API, or None for one that is no build's.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata, status = metadata_of(body), mapping(body, "status")
    name, attempt = label(metadata, BUILD_LABEL), digits(annotation(metadata, ATTEMPT_ANNOTATION))
    if not name or attempt is None:
        return None
    ends = [
        (text(condition, "type"), text(condition, "reason"), text(condition, "message"))
        for condition in mappings(status, "conditions")
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
    ]
    return BuildJob(
        key=(metadata["namespace"], metadata["name"]),
        group=name,
        uid=metadata["uid"],
        version=version_of(metadata),
        build_uid=text(controller_of(metadata), "uid"),
        attempt=attempt,
        recipe=recipe_of(mapping(mapping(mapping(body, "spec"), "template"), "spec")),
        deleting="deletionTimestamp" in metadata,
        started=text(status, "startTime"),
        ended=ends[0] if ends else None,
    )


@dataclass(frozen=True, slots=True)
class BuildContainer:
    """How a container of a build's pod stands.

    Attributes:
        name: its name.
        image: the image that the pod's spec names now; whoever may edit pods can change it.
        image_id: what was pulled for it, by digest where the runtime says so.
        running: whether it runs.
        waiting: reason and message of its waiting, if it waits.
        ended: reason, exit code and termination message of its end, if it ended.
    """

    name: str
    image: str
    image_id: str
    running: bool
    waiting: tuple[str, str] | None
    ended: tuple[str, int, str] | None


@dataclass(frozen=True, slots=True)
class BuildPod:
    """A pod of a build's Job.

    Attributes:
        key: its namespace and name.
        group: the name of its build.
        uid: its UID.
        version: its resourceVersion.
        job_uid: the UID of its Job.
        recipe: the digest of what it runs.
        phase: Pending, Running, Succeeded, Failed or Unknown.
        reason: reason and message of the pod itself, for example of an eviction.
        deleting: whether it is on its way out.
        unschedulable: the scheduler's words, empty where a node took it.
        containers: its containers, those of its start first.
    """

    key: Key
    group: str
    uid: str
    version: int
    job_uid: str
    recipe: str
    phase: str
    reason: tuple[str, str]
    deleting: bool
    unschedulable: str
    containers: tuple[BuildContainer, ...]

    def container(self, name: str) -> BuildContainer | None:
        """Return a container by name."""
        return next((container for container in self.containers if container.name == name), None)


def build_pod_from(body: Mapping[str, Any]) -> BuildPod:
    """Return what is kept of a build's pod.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata, spec, status = metadata_of(body), mapping(body, "spec"), mapping(body, "status")
    states = {
        text(entry, "name"): entry
        for field in ("initContainerStatuses", "containerStatuses")
        for entry in mappings(status, field)
    }
    conditions = {text(condition, "type"): condition for condition in mappings(status, "conditions")}
    scheduled = conditions.get("PodScheduled", {})
    return BuildPod(
        key=(metadata["namespace"], metadata["name"]),
        group=label(metadata, BUILD_LABEL),
        uid=metadata["uid"],
        version=version_of(metadata),
        job_uid=text(controller_of(metadata), "uid"),
        recipe=recipe_of(spec),
        phase=text(status, "phase", "Unknown"),
        reason=(text(status, "reason"), text(status, "message")),
        deleting="deletionTimestamp" in metadata,
        unschedulable=text(scheduled, "message") if scheduled.get("reason") == "Unschedulable" else "",
        containers=tuple(_container(entry, states.get(text(entry, "name"), {})) for entry in containers_of(spec)),
    )


def _container(wanted: Mapping[str, Any], status: Mapping[str, Any]) -> BuildContainer:
    state = mapping(status, "state")
    waiting, ended = mapping(state, "waiting"), mapping(state, "terminated")
    return BuildContainer(
        name=text(wanted, "name"),
        image=text(wanted, "image"),
        image_id=text(status, "imageID"),
        running="running" in state,
        waiting=(text(waiting, "reason"), text(waiting, "message")) if waiting else None,
        ended=(text(ended, "reason"), number(ended, "exitCode"), text(ended, "message")) if ended else None,
    )
