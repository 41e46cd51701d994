"""What each condition of a stack answers."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_operator.api.conditions import ConditionType, Verdict, no, yes
from llamastack_operator.planning.stack.availability import availability
from llamastack_operator.planning.stack.pass_outcome import PassOutcome, summary
from llamastack_operator.planning.stack.progress import Situation, progress
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_resolver.findings import Finding, Place, Severity


def verdicts(snapshot: Snapshot, outcome: PassOutcome) -> dict[ConditionType, Verdict]:
    """Return what each condition answers, in the order in which they are shown."""
    errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
    available = availability(snapshot)
    found = progress(Situation(snapshot, errors, outcome.applied, available))
    return {
        ConditionType.READY: found.ready,
        ConditionType.CONFIG_VALID: _config_valid(errors),
        ConditionType.IMAGE_READY: _image_ready(snapshot, errors),
        ConditionType.AVAILABLE: available,
        ConditionType.RECONCILING: found.reconciling,
        ConditionType.STALLED: found.stalled,
    }


def _config_valid(errors: Sequence[Finding]) -> Verdict:
    relevant = [finding for finding in errors if Place.CONFIG_VALID in finding.reason.declaration.shows]
    if not relevant:
        return yes(StackReason.VALID, "nothing was found wrong")
    return no(relevant[0].reason, summary(relevant))


def _image_ready(snapshot: Snapshot, errors: Sequence[Finding]) -> Verdict:
    image = snapshot.image
    if image is not None:
        return (yes if image.ready else no)(image.reason, image.message)
    reasons = [finding for finding in snapshot.install_findings if finding.severity is Severity.ERROR]
    if reasons:
        return no(reasons[0].reason, summary(reasons))
    return no(StackReason.NOT_DETERMINED, summary(errors) if errors else "the spec could not be read")
