"""Whether a revision is checked before the pods that serve are stopped for it, and what came of that. Pure.

It happens once for each revision, where a volume forces `Recreate` and something serves. Only what is proved holds the
roll-out: what needs the user's volume, what no node takes, and what ends without a word lets it go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from llamastack_contract.start_report import StartReport
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Desired
from llamastack_operator.objects.preflights import PreflightJob, PreflightPod
from llamastack_operator.objects.resources import DEPLOYMENTS
from llamastack_operator.planning.stack.proof import proved
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.children import autoscaled, revision_of
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.names import preflight_name, replicas
from llamastack_operator.workloads.preflight import PLACED_WITHIN, is_checked, longest, preflight_job, scratch_mounts
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_operator.workloads.start_program import check_deadline

_TIME_IS_OVER = "DeadlineExceeded"
_LATE = 2.0
"""Seconds until the next look at the pod of a Job that has ended."""
_SLACK = 30
"""Seconds for the cluster to say that a Job's time is over."""


class PreflightState(StrEnum):
    """How a preflight stands."""

    RUNNING = "Running"
    PASSED = "Passed"
    REFUSED = "Refused"
    UNPROVEN = "Unproven"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What is known of a revision before it is rolled out.

    Attributes:
        revision: the revision.
        state: how its preflight stands.
        message: why nothing is proved; empty where something is.
        report: what its check said, as far as that is proved, where it is refused.
        job: the Job that is to be made; None where it is there, or is not needed any more.
        again: seconds until another look is due, or None.
    """

    revision: str
    state: PreflightState
    message: str = ""
    report: StartReport | None = None
    job: Mapping[str, Any] | None = None
    again: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the roll-out waits."""
        return self.state in (PreflightState.RUNNING, PreflightState.REFUSED)

    def to_wire(self) -> dict[str, Any]:
        """Return what the status has of it."""
        wire = {
            "revision": self.revision,
            "state": self.state.value,
            "message": self.message,
            "report": self.report.to_text() if self.report is not None else "",
        }
        return {name: value for name, value in wire.items() if value}


def preflight_of(
    snapshot: Snapshot, wanted: Sequence[Desired], proven: bool, settings: WorkloadSettings
) -> Preflight | None:
    """Return how the preflight of the wanted revision stands; None where there is none.

    Args:
        snapshot: the stack.
        wanted: the objects that are wanted.
        proven: whether pods of this revision were ready once: then their check only reports.
        settings: the operator's defaults.
    """
    stack, spec, deployment = snapshot.stack, snapshot.stack.spec, snapshot.deployment
    if spec is None or deployment is None or proven or not _can_hold(spec):
        return None
    body = next(item.body for item in wanted if item.resource is DEPLOYMENTS)["spec"]
    revision, template = revision_of(wanted), body["template"]
    if body["strategy"]["type"] != "Recreate" or deployment.revision in ("", revision) or not is_checked(template):
        return None
    found = kept(stack.status)
    if found is not None and found.revision == revision and found.state is not PreflightState.RUNNING:
        return found
    deadline = check_deadline(settings.progress_deadline)
    owner = Owner(stack.key, stack.uid)
    job = _job_of(snapshot, preflight_name(stack.key[1], revision))
    if job is not None:
        return _seen(Preflight(revision, PreflightState.RUNNING), job, snapshot, scratch_mounts(template), deadline)
    if not deployment.available:
        return None
    made = preflight_job(owner, template, deadline)
    return Preflight(revision, PreflightState.RUNNING, job=made, again=PLACED_WITHIN)


def kept(status: Mapping[str, Any]) -> Preflight | None:
    """Return the preflight that a status has, which a stranger may have written; None where it has none."""
    found = status.get("preflight")
    if not isinstance(found, Mapping) or found.get("state") not in list(PreflightState):
        return None
    revision, message, text = (found.get(name, "") for name in ("revision", "message", "report"))
    if not (isinstance(revision, str) and isinstance(message, str) and isinstance(text, str)):
        return None
    state, report = PreflightState(found["state"]), StartReport.parse(text) if text else None
    if state is PreflightState.REFUSED and (report is None or report.verdict != "Failed"):
        return None
    return Preflight(revision, state, message, report)


def needs(preflight: Preflight | None, job: PreflightJob) -> bool:
    """Tell whether a Job of the stack is still needed: it runs, or its log has more of what is told."""
    return preflight is not None and preflight.holds and job.revision == preflight.revision


def unproven(preflight: Preflight, why: str) -> Preflight:
    """Return that nothing was proved, so that the roll-out goes on."""
    return replace(preflight, state=PreflightState.UNPROVEN, message=why, job=None, again=None)


def _can_hold(spec: LlamaStackSpec) -> bool:
    """Tell whether pods are to run, and a check may stop them."""
    warns = spec.startup is not None and spec.startup.validation == "Warn"
    return not warns and (replicas(spec) > 0 or autoscaled(spec))


def _job_of(snapshot: Snapshot, name: str) -> PreflightJob | None:
    jobs = snapshot.facts.preflights.jobs
    return next((job for job in jobs if job.key[1] == name and job.owner_uid == snapshot.stack.uid), None)


def _seen(
    preflight: Preflight, job: PreflightJob, snapshot: Snapshot, scratch: Sequence[str], deadline: int
) -> Preflight:
    """Return how a preflight stands by its Job and its pod."""
    pod = next((pod for pod in snapshot.facts.preflights.pods if pod.job_uid == job.uid), None)
    ended = pod.check.container.ended if pod is not None and pod.check is not None else None
    if pod is not None and pod.check is not None and ended is not None:
        return _judged(preflight, pod.check.report, ended, snapshot.stack.spec, scratch)
    waited = (snapshot.facts.preflights.now - _time(job.created)).total_seconds()
    left = longest(deadline) + _SLACK - waited
    if job.ended is not None:
        reason, message = job.ended
        if reason != _TIME_IS_OVER and left > 0:
            # Its pod came to an end, of which another watch tells, and that may be late.
            return replace(preflight, again=_LATE)
        return unproven(preflight, f"its Job ended before its check did: {reason}: {message}".rstrip(": "))
    if pod is None or not pod.placed:
        return _waits_for_node(preflight, pod, waited)
    return replace(preflight, again=left) if left > 0 else unproven(preflight, "its Job did not come to an end")


def _waits_for_node(preflight: Preflight, pod: PreflightPod | None, waited: float) -> Preflight:
    if waited < PLACED_WITHIN:
        return replace(preflight, again=PLACED_WITHIN - waited)
    if pod is None:
        return unproven(preflight, f"no pod was made for it in {PLACED_WITHIN} s")
    words = pod.unschedulable or "the scheduler does not say why"
    return unproven(preflight, f"no node took its pod in {PLACED_WITHIN} s: {words}")


def _judged(
    preflight: Preflight,
    report: StartReport | None,
    ended: tuple[str, int, str],
    spec: LlamaStackSpec | None,
    scratch: Sequence[str],
) -> Preflight:
    """Return what a check comes to that has ended."""
    cause, code, _ = ended
    if report is None or spec is None:
        return unproven(preflight, f"its check ended without a report, with exit code {code} ({cause or 'no reason'})")
    if report.verdict == "CheckFailed":
        return unproven(preflight, f"its check could not be made: {report.message or 'it does not say why'}")
    if report.verdict == "Passed" or code == 0:
        return replace(preflight, state=PreflightState.PASSED)
    certain = proved(report, spec, scratch)
    if certain is not None:
        return replace(preflight, state=PreflightState.REFUSED, report=certain)
    first = next((one.message for one in report.findings if one.severity == "error"), "it does not say why")
    return unproven(preflight, f"its check failed for what may come of its scratch storage: {first}")


def _time(stamp: str) -> datetime:
    """Return a time of the API server; long ago where it is none."""
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
