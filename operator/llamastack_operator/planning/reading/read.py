"""Reads a stack: the resolver's findings about its manifest, as `llamastack validate` has them, its providers, and what
it asks for.

It parses texts of tenants and takes time, so the operator runs it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from llamastack_operator.api.status import FINDINGS_LIMIT
from llamastack_operator.planning.reading.answer import Answer
from llamastack_operator.planning.reading.certainty import decides, with_certainty
from llamastack_operator.planning.reading.check import check_document
from llamastack_operator.planning.reading.planned import planned_of
from llamastack_operator.planning.reading.question import ReadingQuestion
from llamastack_operator.planning.reading.reported import reported_release
from llamastack_operator.planning.reading.rows import providers_of
from llamastack_operator.planning.stack.inputs.run_config import inline_value
from llamastack_operator.planning.stack.reading import Reading
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.kubernetes import API_VERSION, KubernetesObject
from llamastack_resolver.documents.manifest import read_manifest
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_io import Document

_NAMESPACE, _NAME = "", "stack"
_REFERENCES = ("spec.runConfigFrom.", "spec.externalProviders[", "spec.externalApis[")


def read(question: ReadingQuestion) -> Answer:
    """Return what is said of a stack, and what it asks for."""
    findings = Findings()
    planned = planned_of(question, findings)
    return Answer(_reading(question, findings), planned)


def _reading(question: ReadingQuestion, more: Iterable[Finding]) -> Reading:
    manifest = _object("LlamaStack", _NAME, spec=_spec(question))
    config_maps = [_object("ConfigMap", name, data=texts) for name, texts in question.config_maps.items()]
    reported = reported_release(question.image)
    written = read_manifest(manifest, ConfigMaps.among(config_maps), question.secrets)
    checked = check_document(written, None, reported=reported.release if reported else None)
    document = checked.document
    found = with_certainty(checked.findings, document, reported)
    told = [*more, *(_for_a_status(one) for one in found if not _is_told_elsewhere(one))]
    resolution = checked.resolution
    resolved = resolution is not None and resolution.config is not None
    return Reading(
        digest=question.digest,
        release=str(checked.release) if checked.release else "",
        findings=tuple(told[:FINDINGS_LIMIT]),
        omitted=max(0, len(told) - FINDINGS_LIMIT),
        providers=providers_of(resolution, document.config, found, document.prefix) if resolution and resolved else (),
        complete=resolved,
        reported=decides(reported, document),
    )


def _spec(question: ReadingQuestion) -> dict[str, Any]:
    if question.run_config is None:
        return dict(question.spec)
    return {**question.spec, "runConfig": inline_value(question.run_config)}


def _object(kind: str, name: str, **parts: Any) -> KubernetesObject:
    value = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "namespace": _NAMESPACE}, **parts}
    return KubernetesObject("", value, Document(value))


def _is_told_elsewhere(finding: Finding) -> bool:
    """Tell whether a finding is none for a status: what only a report of files has, and references that lead nowhere,
    which whoever gathers finds."""
    if finding.severity is Severity.INFO:
        return True
    return finding.reason is ConfigReason.MISSING_REFERENCE and finding.path.startswith(_REFERENCES)


def _for_a_status(finding: Finding) -> Finding:
    """Return a finding as conditions need it: with the place in the message."""
    place = " ".join(filter(None, (finding.object, finding.path)))
    return replace(finding, message=f"{place}: {finding.message}", file=None, line=None)
