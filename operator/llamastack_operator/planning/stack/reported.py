"""What a start check found, as findings of its stack: with reasons of the vocabulary, at the fields that users write.

The check sees the run config of its pod, and files below two directories. Whoever reads the status wrote these in the
stack or in ConfigMaps: there the findings of the reading are too, so that the same thing has the same place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from llamastack_contract.start_report import ReportedFinding, StartReport
from llamastack_operator.api.base import KeyReference
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.vocabulary import RESOLVERS_REASONS
from llamastack_operator.workloads.external import external_files
from llamastack_resolver.documents.external_fields import APIS_FOLDER, APIS_KEY, PROVIDERS_FOLDER, PROVIDERS_KEY
from llamastack_resolver.findings import DOCUMENT, Finding, Findings, Place, Reason, Severity, with_prefix

_FOLDERS = {PROVIDERS_KEY: PROVIDERS_FOLDER, APIS_KEY: APIS_FOLDER}


class _Place(NamedTuple):
    """Where a text stands that a pod sees.

    Attributes:
        object: the object that it is in; None for the stack itself.
        prefix: its path there.
    """

    object: str | None
    prefix: str


def findings_of_report(report: StartReport, spec: LlamaStackSpec | None) -> tuple[Finding, ...]:
    """Return errors and warnings of a report as findings of its stack, errors first.

    Args:
        report: the report.
        spec: the stack's spec; None where that could not be read.
    """
    told = Findings(_finding(one, spec) for one in report.findings if one.severity != "info")
    return tuple(told.sorted())


def _finding(reported: ReportedFinding, spec: LlamaStackSpec | None) -> Finding:
    severity = Severity(reported.severity)
    reason, message = _reason(reported.reason, severity), reported.message
    if reason is None:
        reason, message = StackReason.FOUND_AT_START, f"{reported.reason}: {message}"
    hint = reported.hint or reason.declaration.cure or None
    path = reported.path or DOCUMENT
    found = Finding(severity, reason, message, path, reported.api or None, reported.provider or None, hint)
    return _placed(found, spec)


def _reason(word: str, severity: Severity) -> Reason | None:
    """Return the reason of a word; None for one of a resolver that is newer than this operator, and for one that no
    status has, or not as an error: who reads of a reason what it sets has to be able to rely on that."""
    reason = RESOLVERS_REASONS.get(word)
    if reason is None or Place.FINDING not in reason.declaration.shows:
        return None
    known = severity is not Severity.ERROR or Severity.ERROR in reason.declaration.severities
    return reason if known else None


def _placed(finding: Finding, spec: LlamaStackSpec | None) -> Finding:
    """Return a finding at its place in what the user wrote; its message starts with that, as a reading's does."""
    place, inner = _place_of(finding.path, spec)
    (moved,) = with_prefix([replace(finding, path=inner)], place.prefix)
    words = " ".join(filter(None, (place.object, moved.path)))
    return replace(moved, object=place.object, message=f"{words}: {finding.message}")


def _place_of(path: str, spec: LlamaStackSpec | None) -> tuple[_Place, str]:
    """Return where the text stands that a path is in, and the path in that text."""
    if spec is None:
        return _Place(None, "spec.runConfig"), path
    file, _, inner = path.partition(":")
    directory, _, name = file.partition("/")
    reference = external_files(spec).get(f"{_FOLDERS.get(directory, directory)}/{name}")
    if reference is not None:
        return _in_config_map(reference), inner or DOCUMENT
    if spec.run_config_from is not None:
        return _in_config_map(spec.run_config_from.config_map_key_ref), path
    return _Place(None, "spec.runConfig"), path


def _in_config_map(reference: KeyReference) -> _Place:
    return _Place(f"ConfigMap/{reference.name}", f'data["{reference.key}"]')
