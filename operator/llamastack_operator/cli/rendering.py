"""What a stack of a file becomes, by the very planning of the operator; only its surroundings come from files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llamastack_operator.api.labels import APPLIED_ANNOTATION, OWNER_ANNOTATION
from llamastack_operator.cli.files_as_cluster import NO_UID, FilesAsCluster
from llamastack_operator.cli.parser import CliError
from llamastack_operator.objects.builds import build_body
from llamastack_operator.planning.image.access import secrets_of, seen_access
from llamastack_operator.planning.image.judge import judge_image, snapshot_of
from llamastack_operator.planning.image.question import ImageQuestion, question_about
from llamastack_operator.planning.reading.planned import planned_of
from llamastack_operator.planning.reading.question import question_of
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.plan import Plan, plan
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.documents.input import Input
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.reasons import ConfigReason

_UNNAMED = "(named by --operator-image)"
"""Stands for the operator's own image where it was not told, and never gets into what is rendered."""


@dataclass(frozen=True)
class Rendered:
    """What became of a stack.

    Attributes:
        document: the document that it stands in.
        findings: what is wrong or worth knowing, beyond what the checks say.
        bodies: its objects, or the LlamaStackBuild that they wait for.
        waits: what it waits for; empty where nothing is to be built first.
    """

    document: Input
    findings: tuple[Finding, ...]
    bodies: tuple[Mapping[str, Any], ...]
    waits: str


def render_stack(document: Input, around: FilesAsCluster, settings: WorkloadSettings) -> Rendered:
    """Return what a stack becomes.

    Args:
        document: its document, in which the checks found no error.
        around: what else is in the files.
        settings: the operator's settings; without its own image what needs that cannot be rendered.

    Raises:
        CliError: the pods run the operator's own image, and it is not told.
    """
    found = Findings()
    if not document.name:
        message, hint = "`metadata.name` is required, and missing", "name the stack: its objects are named after it"
        found.error(ConfigReason.INVALID_MANIFEST, message, "metadata.name", hint=hint)
        return Rendered(document, tuple(found), (), "")
    facts = around.facts(document.document.value if document.document else {}, found)
    if not settings.images.operator:
        settings = replace(settings, images=replace(settings.images, operator=_UNNAMED))
    snapshot = _snapshot(facts, around, settings, found)
    decided = plan(snapshot, settings)
    install = snapshot.image and snapshot.image.runtime and snapshot.image.runtime.install
    if install and install.operator == _UNNAMED:
        raise CliError(f"{document.name}: its pods run the operator's own image too; name it with --operator-image")
    bodies = tuple(_without_uid(body, facts.stack.uid) for body in _bodies(facts, decided))
    return Rendered(document, (*found, *decided.findings), bodies, _waits(snapshot, decided))


def _snapshot(facts: StackFacts, around: FilesAsCluster, settings: WorkloadSettings, findings: Findings) -> Snapshot:
    """Return what planning looks at, with the builds that the files hold."""
    stack, spec, asked, question = facts.stack, facts.stack.spec, question_of(facts), None
    planned = planned_of(asked, findings) if asked is not None and not facts.has_errors else None
    if spec is not None and planned is not None and planned.install is not None:
        question, _ = question_about(stack, spec, planned.install, around.builds_of(stack.key[0]), time.time())
        question = _with_access(question, facts)
    return snapshot_of(facts, planned, judge_image(facts, question, settings.images))


def _with_access(question: ImageQuestion, facts: StackFacts) -> ImageQuestion:
    """Add the credentials of builds: the versions of Secrets are left empty, since only a cluster has them."""
    build = question.spec.build
    if build is None:
        return question
    return replace(question, access=seen_access(dict.fromkeys(secrets_of(build)), facts.referred.certificates))


def _bodies(facts: StackFacts, decided: Plan) -> list[Mapping[str, Any]]:
    key, uid = facts.stack.key, facts.stack.uid
    builds = [build_body(key, uid, wish.name, wish.spec) for wish in decided.builds if wish.spec]
    return [*builds, *(item.body for item in decided.desired or ())]


def _waits(snapshot: Snapshot, decided: Plan) -> str:
    image, spec = snapshot.image, snapshot.stack.spec
    if image is None or decided.desired is not None:
        return ""
    secrets = secrets_of(spec.build) if spec is not None and spec.build is not None else ()
    name = "; in a cluster its name ends otherwise, by the versions of the Secrets" if secrets else ""
    return f"{image.message}{name}"


def _without_uid(body: Mapping[str, Any], uid: str) -> Mapping[str, Any]:
    """Leave out what is made from the stack's UID where the file has none: only a cluster gives it."""
    if uid != NO_UID:
        return body
    metadata = {key: value for key, value in body["metadata"].items() if key != "ownerReferences"}
    own = (APPLIED_ANNOTATION, OWNER_ANNOTATION)
    kept = {key: value for key, value in metadata.pop("annotations", {}).items() if key not in own}
    return {**body, "metadata": {**metadata, **({"annotations": kept} if kept else {})}}
