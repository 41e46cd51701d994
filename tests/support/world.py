"""Makes snapshots from objects as the API server serves them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.objects.builds import BuildRecord, build_from
from llamastack_operator.objects.child import Child, child_from
from llamastack_operator.objects.owners import controller_reference
from llamastack_operator.objects.pods import Pod, pod_from
from llamastack_operator.objects.resources import DEPLOYMENTS, LLAMASTACKS, Resource
from llamastack_operator.planning.image.judge import ImageJudgement, judge_image, snapshot_of
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.reading.planned import planned_of
from llamastack_operator.planning.reading.question import question_of
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED, Referred, StackFacts
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.reading import NOTHING_READ
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.settings import ImageSettings
from llamastack_resolver.findings import Findings

IMAGES = ImageSettings(operator="registry.example/operator:1")
UID = "11111111-2222-3333-4444-555555555555"
REVISION = "new"
FINE = replace(NOTHING_READ, complete=True)
"""What is said of a run config in which nothing is wrong, and of which no provider is told."""
MADE_BY = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bot-6d4f8b9c7", "uid": "rs", "controller": True}
"""The owner of a pod of the stack `bot`."""
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
        metadata["ownerReferences"] = [controller_reference(LLAMASTACKS, "bot", owner)]
    metadata.update(parts.pop("metadata", {}))
    return child_from(resource, {"metadata": metadata, **parts})


def deployment(
    wanted: int = 1,
    updated: int | None = None,
    available: int | None = None,
    replicas: int | None = None,
    observed: int = 4,
    conditions: tuple[dict[str, Any], ...] = (),
    program: str = "",
    revision: str = REVISION,
) -> Child:
    """Return the Deployment of generation 4; counts that are not given are as wanted."""
    annotations = {"llamastack.dev/revision": revision, "llamastack.dev/start-program": program}
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
            "template": {"metadata": {"annotations": annotations}},
        },
        status={"observedGeneration": observed, "conditions": list(conditions), **counts},
    )


def pod(
    name: str = "bot-new-1",
    revision: str = REVISION,
    ready: bool = False,
    container: dict[str, Any] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    image: str = "",
    **status: Any,
) -> Pod:
    """Return a pod of the stack; `container` is the status of its one container, `image` that of server and check."""
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
                "ownerReferences": [MADE_BY],
                **status.pop("metadata", {}),
            },
            "spec": {
                "initContainers": [{"name": CHECK, "image": image}],
                "containers": [{"name": "server", "image": image}],
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


def referred(**found: Any) -> Referred:
    """Return what a stack's references led to; what is not given they did not lead to."""
    return replace(NOTHING_REFERRED, **found)


def facts(body: dict[str, Any], *members: Child | Pod, referred: Referred = NOTHING_REFERRED) -> StackFacts:
    """Return the facts about a stack and its members, without what the resolver says: most tests are about the rest."""
    children = tuple(member for member in members if isinstance(member, Child))
    pods = tuple(member for member in members if isinstance(member, Pod))
    stack = stack_from(body)
    found = referred if referred.texts else _with_texts(stack.spec, referred)
    return StackFacts(stack, children, pods, found, FINE)


def _with_texts(spec: LlamaStackSpec | None, referred: Referred) -> Referred:
    """Return what was found with the texts of the ConfigMaps that the run config and the files stand in."""
    if spec is None:
        return referred
    found = [(ref, referred.files[path]) for path, ref in external_files(spec).items() if path in referred.files]
    if spec.run_config_from is not None and referred.run_config is not None:
        found.append((spec.run_config_from.config_map_key_ref, referred.run_config))
    texts: dict[str, dict[str, str]] = {}
    for ref, text in found:
        texts.setdefault(ref.name, {})[ref.key] = text
    return replace(referred, texts=texts)


def read_facts(body: dict[str, Any], *members: Child | Pod, referred: Referred = NOTHING_REFERRED) -> StackFacts:
    """Return the same with what the resolver says of the stack."""
    found = facts(body, *members, referred=referred)
    question = question_of(found)
    return found if question is None else replace(found, reading=read(question).reading)


def snapshot(body: dict[str, Any], *members: Child | Pod, referred: Referred = NOTHING_REFERRED) -> Snapshot:
    """Return a snapshot of a stack and its members; no build is there yet."""
    return judged(facts(body, *members, referred=referred))


def with_facts(found: Snapshot, **changed: Any) -> Snapshot:
    """Return a snapshot with other facts and the same decisions."""
    return replace(found, facts=replace(found.facts, **changed))


def built(found: StackFacts, settings: ImageSettings = IMAGES) -> Snapshot:
    """Return a snapshot in which every build that the stack wants has succeeded."""
    return judged(found, *map(build_from, finished_builds(found, settings)), settings=settings)


def finished_builds(found: StackFacts, settings: ImageSettings = IMAGES) -> list[dict[str, Any]]:
    """Return every build that the stack wants, succeeded, as the API has it."""
    bodies: list[dict[str, Any]] = []
    while True:
        after = judged(found, *map(build_from, bodies), settings=settings)
        missing = [wish for wish in after.image.wishes if wish.spec] if after.image else []
        if not missing:
            return bodies
        bodies += [succeeded_body(wish.name, wish.spec) for wish in missing]


def succeeded(name: str, spec: Mapping[str, Any], **status: Any) -> BuildRecord:
    """Return a build that succeeded; of its repository's image only the digest is made up."""
    return build_from(succeeded_body(name, spec, **status))


def succeeded_body(name: str, spec: Mapping[str, Any], **status: Any) -> dict[str, Any]:
    """Return the same as the API has it."""
    digest = f"sha256:{spec['key']}"
    modules = [
        {"requirement": text, "distribution": text, "version": "1.0", "importName": text.split("==")[0]}
        for text in spec["inputs"]["layer"]["modules"]
    ]
    repository = spec["inputs"]["repository"]
    known = {
        "phase": "Succeeded",
        "platform": "linux/amd64",
        "python": "3.13",
        "installed": 2,
        "modules": modules,
        **({"image": f"{repository}@{digest}", "digest": digest} if repository else {}),
        **status,
    }
    metadata = {"namespace": "team-a", "name": name, "uid": name, "resourceVersion": str(next(_version))}
    kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStackBuild"}
    return {**kind, "metadata": metadata, "spec": dict(spec), "status": known}


def server_text(body: dict[str, Any], written: str | None = None, modules: tuple[RecordedModule, ...] = ()) -> str:
    """Return the run config of a stack as its server gets it.

    Args:
        body: the stack.
        written: the run config of the ConfigMap that it refers to; None for an inline one.
        modules: what was installed for it.
    """
    found = facts(body, referred=referred(run_config=written))
    asked = question_of(found)
    assert asked is not None
    verdict = ImageVerdict(True, ImageReason.PREBUILT, "", modules=modules)
    text = snapshot_of(found, planned_of(asked, Findings()), ImageJudgement(verdict, ())).run_config
    assert text is not None
    return text


def judged(found: StackFacts, *builds: BuildRecord, settings: ImageSettings = IMAGES) -> Snapshot:
    """Return a snapshot with how its image stands, beside these builds of its namespace."""
    stack, asked = found.stack, question_of(found)
    planned = planned_of(asked, Findings()) if asked is not None else None
    question = None
    if stack.spec is not None and planned is not None and planned.install is not None:
        question = ImageQuestion(
            spec=stack.spec,
            plan=planned.install,
            builds=builds,
            current=(stack.status.get("buildRef") or {}).get("name"),
            access="",
            refresh="",
            unchanged=False,
        )
    return snapshot_of(found, planned, judge_image(found, question, settings))
