"""What is kept of preflights: the Jobs that check a revision before it is rolled out, and their pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_operator.api.labels import PREFLIGHT_LABEL, REVISION_ANNOTATION
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import (
    annotation,
    controller_of,
    label,
    mapping,
    mappings,
    metadata_of,
    text,
    version_of,
)
from llamastack_operator.objects.pods import StartCheck, check_from


@dataclass(frozen=True, slots=True)
class PreflightJob:
    """A Job that checks a revision.

    Attributes:
        key: its namespace and name.
        group: the name of its stack.
        uid: its UID.
        version: its resourceVersion.
        owner_uid: the UID of its stack.
        revision: the revision that it checks.
        created: its creation time (RFC 3339).
        ended: reason and message of its end; None while it runs.
    """

    key: Key
    group: str
    uid: str
    version: int
    owner_uid: str
    revision: str
    created: str
    ended: tuple[str, str] | None


def preflight_job_from(body: Mapping[str, Any]) -> PreflightJob:
    """Return what is kept of a preflight's Job.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata, status = metadata_of(body), mapping(body, "status")
    ends = [
        (text(condition, "reason"), text(condition, "message"))
        for condition in mappings(status, "conditions")
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
    ]
    return PreflightJob(
        key=(metadata["namespace"], metadata["name"]),
        group=label(metadata, PREFLIGHT_LABEL),
        uid=metadata["uid"],
        version=version_of(metadata),
        owner_uid=text(controller_of(metadata), "uid"),
        revision=annotation(metadata, REVISION_ANNOTATION),
        created=text(metadata, "creationTimestamp"),
        ended=ends[0] if ends else None,
    )


@dataclass(frozen=True, slots=True)
class PreflightPod:
    """The pod of such a Job.

    Attributes:
        key: its namespace and name.
        group: the name of its stack.
        uid: its UID.
        version: its resourceVersion.
        job_uid: the UID of its Job.
        placed: whether a node took it.
        unschedulable: the scheduler's words where none does; empty where it has none.
        check: how its check stands; None where none was started.
    """

    key: Key
    group: str
    uid: str
    version: int
    job_uid: str
    placed: bool
    unschedulable: str
    check: StartCheck | None


def preflight_pod_from(body: Mapping[str, Any]) -> PreflightPod:
    """Return what is kept of a preflight's pod.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata, spec, status = metadata_of(body), mapping(body, "spec"), mapping(body, "status")
    conditions = {text(condition, "type"): condition for condition in mappings(status, "conditions")}
    scheduled = conditions.get("PodScheduled", {})
    asked = {text(container, "name"): text(container, "image") for container in mappings(spec, "containers")}
    entries = mappings(status, "containerStatuses")
    return PreflightPod(
        key=(metadata["namespace"], metadata["name"]),
        group=label(metadata, PREFLIGHT_LABEL),
        uid=metadata["uid"],
        version=version_of(metadata),
        job_uid=text(controller_of(metadata), "uid"),
        placed=bool(text(spec, "nodeName")),
        unschedulable=text(scheduled, "message") if scheduled.get("reason") == "Unschedulable" else "",
        check=next((check_from(entry, asked) for entry in entries if text(entry, "name") == CHECK), None),
    )
