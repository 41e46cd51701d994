"""What pods of the newest revision said last when they checked themselves: the one report that counts, and what it says
of the stack.

Of several checks the newest counts that has finished and found out something. Pods go, and take their words along: the
status keeps the report of its revision, past suspend, restarts and pods that went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llamastack_contract.start_report import StartReport
from llamastack_operator.objects.pods import Pod, StartCheck
from llamastack_operator.planning.stack.preflight import Preflight
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.reported import findings_of_report
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_resolver.findings import Finding, Findings, Severity

_ORDER = list(Severity)


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The check that counts.

    Attributes:
        revision: the revision of its pod.
        report: what it said.
        fresh: whether the pod is there that said it.
        stopped: whether it kept its server from starting.
        findings: its errors and warnings, errors first, as findings of the stack.
        preflight: whether it was made before the revision was rolled out.
    """

    revision: str
    report: StartReport
    fresh: bool
    stopped: bool
    findings: tuple[Finding, ...]
    preflight: bool = False

    @property
    def errors(self) -> list[Finding]:
        """Why it failed; never nothing where it did."""
        errors = [finding for finding in self.findings if finding.severity is Severity.ERROR]
        if errors or self.report.verdict != "Failed":
            return errors
        message, cure = "the start check failed and does not say why", StackReason.FOUND_AT_START.declaration.cure
        findings = Findings()
        findings.error(StackReason.FOUND_AT_START, message, "spec.runConfig", hint=cure)
        return list(findings)

    @property
    def omitted(self) -> int:
        """How many errors and warnings it has that it had no room for."""
        return max(0, self.report.errors + self.report.warnings - len(self.findings))

    def to_wire(self) -> dict[str, Any]:
        """Return what the status keeps of it."""
        return {"revision": self.revision, "verdict": self.report.verdict, "report": self.report.to_text()}

    def beside(self, said: Sequence[Finding]) -> list[Finding]:
        """Return the findings of a pass and its own, each thing once: as the one tells it who takes it more seriously.

        Args:
            said: the findings of the pass.
        """
        before, own = _severest(said), _severest(self.findings)
        least = len(_ORDER)
        kept = [one for one in said if _rank(one) <= own.get(_what(one), least)]
        return [*kept, *(one for one in self.findings if _rank(one) < before.get(_what(one), least))]


def last_check(snapshot: Snapshot) -> LastCheck | None:
    """Return the check of the newest revision that counts; None where there is none."""
    deployment = snapshot.deployment
    if deployment is None or not deployment.revision:
        return None
    finished = [
        (pod.check.report.verdict != "CheckFailed", pod.check.finished, pod.created, pod.key, pod)
        for pod in snapshot.pods
        if pod.revision == deployment.revision and pod.check is not None and pod.check.report is not None
    ]
    kept = _kept(snapshot.stack.status, deployment.revision)
    told = max(finished) if finished else None
    if told is not None and (told[0] or kept is None or kept.verdict == "CheckFailed"):
        return _said_by(told[-1], snapshot)
    if kept is None:
        return None
    return LastCheck(deployment.revision, kept, False, kept.verdict == "Failed", _findings(kept, snapshot))


def check_of_newest(snapshot: Snapshot, held: Preflight | None) -> LastCheck | None:
    """Return the check that counts, if it is about the spec of now; None where there is none.

    Args:
        snapshot: the stack.
        held: the preflight for which the roll-out waits; None where it does not.
    """
    if held is None:
        return last_check(snapshot) if speaks_of_newest(snapshot) else None
    if held.report is None:
        return None
    return LastCheck(held.revision, held.report, True, True, _findings(held.report, snapshot), preflight=True)


def speaks_of_newest(snapshot: Snapshot) -> bool:
    """Tell whether what pods of the Deployment say is about the spec of now: not where that could not be applied yet,
    for an error, or for want of its image."""
    return not snapshot.facts.has_errors and snapshot.image is not None and snapshot.image.ready


def _said_by(pod: Pod, snapshot: Snapshot) -> LastCheck | None:
    check = pod.check
    if check is None or check.report is None:
        return None
    return LastCheck(pod.revision, check.report, True, _stopped(check), _findings(check.report, snapshot))


def _stopped(check: StartCheck) -> bool:
    """Tell whether a check failed as a container: one that only reports lets its server start in any case."""
    ended = check.container.ended
    return ended is not None and ended[1] != 0


def _kept(status: Mapping[str, Any], revision: str) -> StartReport | None:
    """Return the report that a status keeps of a revision, which a stranger may have written."""
    kept = status.get("startCheck")
    if not isinstance(kept, Mapping) or kept.get("revision") != revision:
        return None
    text = kept.get("report")
    return StartReport.parse(text) if isinstance(text, str) else None


def _findings(report: StartReport, snapshot: Snapshot) -> tuple[Finding, ...]:
    return findings_of_report(report, snapshot.stack.spec)


def _severest(findings: Sequence[Finding]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for one in findings:
        found[_what(one)] = min(_rank(one), found.get(_what(one), len(_ORDER)))
    return found


def _rank(finding: Finding) -> int:
    return _ORDER.index(finding.severity)


def _what(finding: Finding) -> tuple[str, ...]:
    return finding.reason.value, finding.object or "", finding.path
