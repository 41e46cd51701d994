"""Whether providers implement their APIs' protocols, as a pod of the newest revision saw it at its start."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_contract.start_report import StartReport
from llamastack_operator.api.conditions import Verdict, no, unknown, yes
from llamastack_operator.planning.stack.availability import suspended
from llamastack_operator.planning.stack.pass_outcome import summary
from llamastack_operator.planning.stack.reading import Provider
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.reported_rows import is_about
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck
from llamastack_resolver.findings import Finding, Place, Severity
from llamastack_resolver.reasons import ProtocolReason
from llamastack_resolver.start.reasons import StartReason

_NONE_YET = "no pod of the newest revision has finished its check yet"
_BEFORE = "its pods were made before pods checked themselves; the next change of the stack brings the check"


def protocol_compliant(snapshot: Snapshot, check: LastCheck | None, providers: Sequence[Provider]) -> Verdict:
    """Answer whether each provider does what its API promises.

    An error says that one does not, whether or not that stopped the server. Of a provider that a module or a file
    brings so does what `startup.compliance` makes a warning. What is a warning in any case is told, and no more:
    methods that callers do without, and what the release itself ships without, which nobody can mend who runs it.

    Args:
        snapshot: the stack and its objects.
        check: the check that counts, if its pods are of the newest generation.
        providers: the stack's providers.
    """
    spec = snapshot.stack.spec
    if spec is not None and spec.startup is not None and spec.startup.check == "Skip":
        return unknown(StackReason.NOT_CHECKED, "startup.check is Skip")
    if check is None:
        return unknown(StackReason.NOT_CHECKED, _why_not(snapshot))
    report = check.report
    if report.verdict == "CheckFailed":
        return unknown(StartReason.CHECK_FAILED, report.message or "the check could not be made, and does not say why")
    found = [one for one in check.findings if Place.PROTOCOL_COMPLIANT in one.reason.declaration.places]
    against = [one for one in found if one.severity is Severity.ERROR or _is_lowered(one, snapshot, providers)]
    if against:
        return no(against[0].reason, summary(against))
    doubt = _doubt(report)
    if doubt:
        return unknown(StackReason.NOT_CHECKED, doubt)
    return yes(StackReason.COMPLIANT, _all_comply(report, found))


def _all_comply(report: StartReport, found: Sequence[Finding]) -> str:
    counts = {0: "no provider is enabled", 1: "1 provider implements its protocol"}
    count = counts.get(report.total, f"{report.total} providers implement their protocols")
    return f"{count}, but for what is optional: {summary(found)}" if found else count


def _why_not(snapshot: Snapshot) -> str:
    deployment = snapshot.deployment
    if deployment is not None and not deployment.program:
        return _BEFORE
    return f"no pod runs, as asked, and {_NONE_YET}" if suspended(snapshot) else _NONE_YET


def _doubt(report: StartReport) -> str:
    """Return why a report without a word against a protocol does not say that all is well; empty where it does."""
    if not report.started:
        return "providers were only imported, not started: what they implement shows when they start"
    unproven = sum(one.state in ("Unproven", "Imported") for one in report.providers)
    failed = report.failed or int(report.verdict == "Failed")
    if failed or unproven:
        count = max(failed + unproven, 1)
        return f"{count} of {max(report.total, count)} providers did not start: what they implement is not known"
    return ""


def _is_lowered(warning: Finding, snapshot: Snapshot, providers: Sequence[Provider]) -> bool:
    """Tell whether a warning is one for what `startup.compliance` says, of a provider that the release does not bring.

    Other arguments are a warning by default. Where missing methods are made one, nothing tells them from those that are
    optional, and all of them count.
    """
    spec = snapshot.stack.spec
    compliance = spec.startup.compliance if spec is not None and spec.startup is not None else None
    lowered = compliance is not None and compliance.missing == "Warning"
    if warning.reason is not ProtocolReason.SIGNATURE_MISMATCH and not lowered:
        return False
    return not _is_the_releases(warning, snapshot, providers)


def _is_the_releases(finding: Finding, snapshot: Snapshot, providers: Sequence[Provider]) -> bool:
    """Tell whether a finding is about a provider that the release brings, and neither a module nor a file."""
    row = next((one for one in providers if is_about(one, finding.api, finding.provider)), None)
    if row is None or row.module or row.version:
        return False
    spec = snapshot.stack.spec
    external = (spec.external_providers or []) if spec is not None else []
    return not any((one.api, one.provider_type) == (row.api, row.type) for one in external)
