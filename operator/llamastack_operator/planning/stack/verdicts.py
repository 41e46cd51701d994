"""What each condition of a stack answers."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_operator.api.conditions import ConditionType, Reason
from llamastack_operator.api.status import Finding
from llamastack_operator.planning.stack.availability import availability
from llamastack_operator.planning.stack.progress import progress
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.verdict import PassOutcome, Verdict, summary

_CONFIG_REASONS = {
    Reason.INVALID_SPEC,
    Reason.UNSUPPORTED_VERSION,
    Reason.INVALID_RUN_CONFIG,
    Reason.INVALID_EXTERNAL_SPEC,
    Reason.MISSING_REFERENCE,
    Reason.CLAIM_EXISTS,
    Reason.REQUIREMENT_INVALID,
    Reason.REQUIREMENT_CONFLICT,
    Reason.MODULE_NOT_FOUND,
}


def verdicts(snapshot: Snapshot, outcome: PassOutcome) -> dict[ConditionType, Verdict]:
    """Return what each condition answers, in the order in which they are shown."""
    errors = [finding for finding in outcome.findings if finding.severity == "error"]
    available = availability(snapshot)
    ready, reconciling, stalled = progress(snapshot, outcome, errors, available)
    return {
        ConditionType.READY: ready,
        ConditionType.CONFIG_VALID: _config_valid(errors),
        ConditionType.IMAGE_READY: _image_ready(snapshot, errors),
        ConditionType.AVAILABLE: available,
        ConditionType.RECONCILING: reconciling,
        ConditionType.STALLED: stalled,
    }


def _config_valid(errors: Sequence[Finding]) -> Verdict:
    relevant = [finding for finding in errors if finding.reason in _CONFIG_REASONS]
    if not relevant:
        return Verdict(True, Reason.VALID, "nothing was found wrong")
    return Verdict(False, relevant[0].reason, summary(relevant))


def _image_ready(snapshot: Snapshot, errors: Sequence[Finding]) -> Verdict:
    image = snapshot.image
    if image is not None:
        return Verdict(image.ready, image.reason, image.message)
    reasons = [finding for finding in snapshot.install_findings if finding.severity == "error"]
    if reasons:
        return Verdict(False, reasons[0].reason, summary(reasons))
    return Verdict(False, Reason.NOT_DETERMINED, summary(errors) if errors else "the spec could not be read")
