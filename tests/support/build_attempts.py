"""Makes builds, their Jobs and their pods as the API server serves them."""

from __future__ import annotations

import itertools
import json
from typing import Any

from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord, build_from, build_pod_from, job_from
from llamastack_operator.workloads.build_job import container_images, job
from llamastack_operator.workloads.settings import ImageSettings, WorkloadSettings

SETTINGS = WorkloadSettings(images=ImageSettings(operator="registry.example/operator:1"))
BASE = "sha256:" + "b" * 64
IMAGE = "registry.example/bot@sha256:" + "c" * 64
RECORD = "sha256:" + "d" * 64
TOLD = "sha256:" + "e" * 64
"""The digest of a build's inputs, as its programs are told it."""
INPUTS: dict[str, Any] = {
    "base": {"image": "registry.example/starter:1", "digest": None},
    "layer": {"kind": "modules", "root": "/opt/llamastack/modules", "requirements": ["m==1"], "modules": ["m==1"]},
    "earlierBuilds": [],
    "pip": {"indexes": [], "sourceDistributions": False, "namedIndexes": {}},
    "repository": "registry.example/bot",
}
"""The inputs of a build, as a LlamaStackBuild holds them."""
_version = itertools.count(1)


def build(spec: dict[str, Any] | None = None, asked: str = "", **status: Any) -> BuildRecord:
    """Return a build with this status; `asked` is a request to make its image again."""
    whole = {"key": "a" * 64, "strategy": "Image", "inputs": INPUTS, "reasons": [], "access": {}, **(spec or {})}
    annotations = {"annotations": {"llamastack.dev/rerun": asked}} if asked else {}
    metadata = {"namespace": "team-a", "name": "modules-a", "uid": "build", "resourceVersion": str(next(_version))}
    return build_from({"metadata": {**metadata, **annotations}, "spec": whole, "status": status})


def spec_wire(held: BuildRecord) -> dict[str, Any]:
    """Return the spec of a build as a LlamaStackBuild holds it, as far as it is read again."""
    inputs = held.spec.inputs
    known = {
        "base": {"image": inputs.base, "digest": inputs.base_digest},
        "layer": dict(inputs.layer.wire),
        "earlierBuilds": list(inputs.earlier_builds),
        "pip": {"indexes": list(inputs.pip.indexes), "sourceDistributions": False, "namedIndexes": {}},
        "repository": inputs.repository,
    }
    return {"key": held.spec.key, "strategy": held.spec.strategy, "inputs": known, "access": dict(held.spec.access)}


def job_of(owner: BuildRecord, attempt: int = 1, ended: tuple[str, str] | None = None, **metadata: Any) -> BuildJob:
    """Return a build's Job, ended with a condition and its reason where that is given."""
    body = job(owner, attempt, SETTINGS, TOLD)
    identity = {"uid": f"job-{attempt}", "resourceVersion": str(next(_version)), **metadata}
    conditions = [{"type": ended[0], "status": "True", "reason": ended[1]}] if ended else []
    made = job_from({**body, "metadata": {**body["metadata"], **identity}, "status": {"conditions": conditions}})
    assert made is not None
    return made


def pod_of(
    owner: BuildRecord, made_by: BuildJob, phase: str = "Succeeded", images: Any = None, name: str = "x", **states: Any
) -> BuildPod:
    """Return a Job's pod; each further argument is the state of a container, by its name."""
    known = {**container_images(owner, SETTINGS), **(images or {})}
    statuses = [
        {"name": name, "state": state, "imageID": f"registry.example/starter@{BASE}" if name == "install" else ""}
        for name, state in states.items()
        if name in known
    ]
    spec = job(owner, made_by.attempt, SETTINGS, TOLD)["spec"]["template"]["spec"]
    for container in (*spec["initContainers"], *spec["containers"]):
        container["image"] = known[container["name"]]
    body = {
        "metadata": {
            "namespace": "team-a",
            "name": f"modules-a-1-{name}",
            "uid": f"pod-{name}",
            "resourceVersion": str(next(_version)),
            "labels": {"llamastack.dev/build": owner.key[1]},
            "ownerReferences": [{"uid": made_by.uid, "controller": True}],
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if states.get("deleting") else {}),
        },
        "spec": {**spec, **states.get("spec", {})},
        "status": {
            "phase": phase,
            "initContainerStatuses": [status for status in statuses if status["name"] != "push"],
            "containerStatuses": [status for status in statuses if status["name"] == "push"],
            **states.get("status", {}),
        },
    }
    return build_pod_from(body)


def ended(code: int = 0, message: str = "", reason: str = "Completed") -> dict[str, Any]:
    """Return the state of a container that ended."""
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


def last_words(**changed: Any) -> str:
    """Return what `push` leaves after a success."""
    told = {"image": IMAGE, "digest": IMAGE.partition("@")[2], "base": BASE, "record": RECORD}
    return json.dumps({**told, "platform": "linux/amd64", **changed})
