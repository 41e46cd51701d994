"""Whether the newest generation serves, is on its way, or will not get there by itself."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_operator.api.conditions import Reason
from llamastack_operator.api.status import Finding
from llamastack_operator.objects.child import Child
from llamastack_operator.planning.stack.availability import suspended, trouble_of
from llamastack_operator.planning.stack.plan import rollout_complete
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.verdict import PassOutcome, Verdict, summary
from llamastack_operator.workloads.children import autoscaled

# Errors that a later look may find gone without anybody touching the stack.
_PASSING = {Reason.MISSING_REFERENCE, Reason.APPLY_FAILED}


def progress(
    snapshot: Snapshot, outcome: PassOutcome, errors: Sequence[Finding], available: Verdict
) -> tuple[Verdict, Verdict, Verdict]:
    """Return Ready, Reconciling and Stalled, which together say what kstatus needs."""
    settled = Verdict(False, Reason.SETTLED, "nothing is left to do")
    if errors:
        verdict = Verdict(False, errors[0].reason, summary(errors))
        if any(finding.reason not in _PASSING for finding in errors):
            return verdict, Verdict(False, verdict.reason, verdict.message), _on(verdict)
        return verdict, _on(verdict), Verdict(False, Reason.PROGRESSING, "it is tried again with backoff")
    image = snapshot.image
    if image is not None and not image.ready:
        verdict = Verdict(False, image.reason, image.message)
        if image.stalled:
            return verdict, Verdict(False, verdict.reason, verdict.message), _on(verdict)
        return verdict, _on(verdict), Verdict(False, Reason.PROGRESSING, "work is going on")
    deployment = snapshot.child("Deployment")
    if outcome.applied and suspended(snapshot) and rollout_complete(deployment):
        return Verdict(True, Reason.SUSPENDED, "no pod runs, as asked"), settled, settled
    if outcome.applied and deployment is not None and _serves_newest(snapshot, deployment):
        return Verdict(True, Reason.READY, available.message), settled, settled
    trouble = trouble_of(snapshot, deployment)
    if timed_out := _timed_out(deployment):
        why = Verdict(False, Reason.ROLLOUT_TIMED_OUT, f"{timed_out}; {trouble.message}" if trouble else timed_out)
        return why, Verdict(False, why.reason, why.message), _on(why)
    why = Verdict(False, Reason.PROGRESSING, "pods of the newest generation are starting")
    if trouble:
        why = Verdict(False, trouble.reason, trouble.message)
    return why, _on(why), Verdict(False, Reason.PROGRESSING, "work is going on")


def _on(verdict: Verdict) -> Verdict:
    return Verdict(True, verdict.reason, verdict.message)


def _serves_newest(snapshot: Snapshot, deployment: Child) -> bool:
    """Tell whether only pods of the newest generation exist and enough of them serve.

    An autoscaler adds pods to a stack that serves: that alone does not make it less ready.
    """
    facts = deployment.facts
    if facts["observedGeneration"] < deployment.generation or facts["updatedReplicas"] < facts["replicas"]:
        return False
    spec = snapshot.stack.spec
    if spec is not None and autoscaled(spec) and spec.server is not None and spec.server.autoscaling is not None:
        return bool(facts["availableReplicas"] >= (spec.server.autoscaling.min_replicas or 1))
    return rollout_complete(deployment)


def _timed_out(deployment: Child | None) -> str:
    if deployment is None or deployment.facts["observedGeneration"] < deployment.generation:
        return ""
    progressing = deployment.facts["conditions"].get("Progressing", {})
    return progressing.get("message", "") if progressing.get("reason") == "ProgressDeadlineExceeded" else ""
