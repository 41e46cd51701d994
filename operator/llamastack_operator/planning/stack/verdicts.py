"""What each condition of a stack answers."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_operator.api.conditions import ConditionType, Verdict, no, unknown, with_rest, yes
from llamastack_operator.planning.stack.availability import availability
from llamastack_operator.planning.stack.compliance import protocol_compliant
from llamastack_operator.planning.stack.pass_outcome import PassOutcome, summary
from llamastack_operator.planning.stack.progress import Situation, progress
from llamastack_operator.planning.stack.provider_rows import resolved_of, unlisted_of
from llamastack_operator.planning.stack.reading import Provider, ProviderState
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck
from llamastack_resolver.findings import Finding, Place, Severity
from llamastack_resolver.providers.reasons import ProviderReason

_UNRESOLVED = "the run config could not be resolved"


def verdicts(
    snapshot: Snapshot, outcome: PassOutcome, check: LastCheck | None = None, providers: Sequence[Provider] = ()
) -> dict[ConditionType, Verdict]:
    """Return what each condition answers, in the order in which they are shown.

    Errors of a check are no errors of the pass: they forbid to apply nothing, and what they say is told beside.

    Args:
        snapshot: the stack and its objects, as they are after the pass.
        outcome: what the pass found and did.
        check: the check that counts, if its pods are of the newest generation.
        providers: the stack's providers, as all of these know them.
    """
    errors = _errors(outcome.findings)
    told = check.beside(outcome.findings) if check is not None else outcome.findings
    held = outcome.held
    available = availability(snapshot, check) if held is None else availability(snapshot, newest=held.revision)
    found = progress(Situation(snapshot, errors, outcome.applied, available, check, held))
    return {
        ConditionType.READY: found.ready,
        ConditionType.CONFIG_VALID: _config_valid(snapshot, _errors(told)),
        ConditionType.PROVIDERS_RESOLVED: _providers_resolved(snapshot, outcome.findings, check, providers),
        ConditionType.DEPRECATED: _deprecated(snapshot, told),
        ConditionType.IMAGE_READY: _image_ready(snapshot, errors),
        ConditionType.PROTOCOL_COMPLIANT: protocol_compliant(snapshot, check, providers),
        ConditionType.AVAILABLE: available,
        ConditionType.RECONCILING: found.reconciling,
        ConditionType.STALLED: found.stalled,
    }


def _config_valid(snapshot: Snapshot, errors: Sequence[Finding]) -> Verdict:
    relevant = _of(Place.CONFIG_VALID, errors)
    if relevant:
        return no(relevant[0].reason, summary(relevant))
    if not snapshot.facts.reading.complete:
        return unknown(StackReason.NOT_DETERMINED, _UNRESOLVED)
    release = snapshot.facts.reading.release
    return yes(StackReason.VALID, f"nothing was found wrong for {release}" if release else "nothing was found wrong")


def _providers_resolved(
    snapshot: Snapshot, findings: Sequence[Finding], check: LastCheck | None, providers: Sequence[Provider]
) -> Verdict:
    """Answer whether all providers can start, in an order.

    What a reading calls an error is one, and so is what a pod does. What a reading is not sure of, a pod that resolved
    them all has settled; before one has, only the image can tell.
    """
    reading = snapshot.facts.reading
    relevant = _of(Place.PROVIDERS_RESOLVED, findings)
    errors = _errors([*relevant, *(_of(Place.PROVIDERS_RESOLVED, check.findings) if check is not None else ())])
    settled = check is not None and check.report.verdict == "Passed"
    if errors:
        return no(errors[0].reason, summary(errors))
    if relevant and not settled:
        return unknown(relevant[0].reason, summary(relevant))
    if not reading.complete:
        return unknown(StackReason.NOT_DETERMINED, _UNRESOLVED)
    if settled:
        return _resolved(_counted(providers))
    open_ones = [one for one in providers if one.state is ProviderState.UNKNOWN]
    if open_ones:
        first = open_ones[0]
        more = f" (and {len(open_ones) - 1} more in status.providers)" if len(open_ones) > 1 else ""
        words = with_rest(f"{first.api}/{first.id}: {first.message}", more)
        return unknown(ProviderReason.RESOLVED_IN_IMAGE, words)
    brought = next((one for one in providers if one.in_package), None)
    if brought is not None:
        words = f"{brought.api}/{brought.id}: {brought.module} has it; what it depends on is looked at when it starts"
        return unknown(ProviderReason.RESOLVED_IN_IMAGE, words)
    return _resolved(_counted(providers) if check is not None else resolved_of(providers))


def _counted(providers: Sequence[Provider]) -> str | None:
    """Return how many providers a pod resolved: all, where it found no error of that kind, whatever became of them."""
    count = sum(one.state is not ProviderState.DISABLED for one in providers) + unlisted_of(providers)
    return f"{count}/{count}" if count else None


def _resolved(count: str | None) -> Verdict:
    return yes(StackReason.RESOLVED, f"{count} enabled providers have a spec" if count else "no provider is enabled")


def _deprecated(snapshot: Snapshot, findings: Sequence[Finding]) -> Verdict:
    relevant = _of(Place.DEPRECATED, findings)
    if relevant:
        return yes(relevant[0].reason, summary(relevant))
    if not snapshot.facts.reading.complete:
        return unknown(StackReason.NOT_DETERMINED, _UNRESOLVED)
    return no(StackReason.NOTHING_DEPRECATED, "nothing that is used is deprecated")


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _of(place: Place, findings: Sequence[Finding]) -> list[Finding]:
    """Return the errors and warnings that a condition is about."""
    return [
        finding
        for finding in findings
        if finding.severity is not Severity.INFO and place in finding.reason.declaration.places
    ]


def _image_ready(snapshot: Snapshot, errors: Sequence[Finding]) -> Verdict:
    image = snapshot.image
    if image is not None:
        return (yes if image.ready else no)(image.reason, image.message)
    reasons = _errors(snapshot.install_findings)
    if reasons:
        return no(reasons[0].reason, summary(reasons))
    return unknown(StackReason.NOT_DETERMINED, summary(errors) if errors else "the spec could not be read")
