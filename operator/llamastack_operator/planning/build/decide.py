"""Decides what a build needs next. Pure: the build, its Job and its pod in; what to do and the status out.

Each try is one Job. That a try runs, ended or vanished is read from the cluster alone, so an operator that was
killed goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from llamastack_contract.message import PushMessage
from llamastack_contract.paths import INDEX, INSTALL, PREPARE, PUSH
from llamastack_operator.objects.build_status import STARTING, BuildStatus
from llamastack_operator.objects.builds import BuildContainer, BuildJob, BuildPod
from llamastack_operator.planning.build.failure import Failure, failure_of, tampered, waiting_failure
from llamastack_operator.planning.build.place import never_ran
from llamastack_operator.planning.build.reasons import BuildReason
from llamastack_operator.planning.build.result import LostRecordError, parse_message
from llamastack_operator.planning.build.snapshot import BuildSnapshot
from llamastack_operator.workloads.build_job import container_images
from llamastack_operator.workloads.settings import WorkloadSettings

FIRST_DELAY = 10
"""Seconds before a second try."""
LONGEST_DELAY = 600
"""Seconds before a further try at most, while few have failed."""
SLOW_AFTER = 10
"""Tries that may fail in a row before further ones become rare."""
SLOW_DELAY = 5400
"""Seconds before a try after that many: so slow that a day has at most thirty tries."""
LOOK_AGAIN = 2.0
"""Seconds between two looks at the progress of a running build."""
_STEPS = {PREPARE: "preparing", INSTALL: "installing", PUSH: "pushing"}


Action = Literal["none", "start", "collect", "stop", "restore"]


@dataclass(frozen=True, slots=True)
class BuildDecision:
    """What a pass of a build is to do.

    Attributes:
        status: the new status; for `collect` it lacks what the record tells.
        action: start the try `attempts` of the status, collect the result of `job`, stop `job`, restore the ConfigMap
            with the lock, or nothing.
        job: the Job that the action is about.
        message: the last words of `push`, for `collect`.
        again: seconds until the next look, or None where an event will tell.
    """

    status: BuildStatus
    action: Action = "none"
    job: BuildJob | None = None
    message: PushMessage | None = None
    again: float | None = None


def decide(snapshot: BuildSnapshot, settings: WorkloadSettings) -> BuildDecision:
    """Return what a build needs next."""
    build, status = snapshot.build, snapshot.build.status
    attempts = status.attempts or 0
    if build.phase == "Succeeded":
        if snapshot.wants_place:
            return _start(snapshot, status.made_again(build.rerun), attempts + 1)
        return BuildDecision(status, "restore" if snapshot.lock_missing else "none")
    if build.phase == "Failed":
        return _after_failure(snapshot, status, attempts)
    if build.phase == "Queued" or attempts == 0:
        return _start(snapshot, status, attempts + 1)
    job = snapshot.job
    if job is None or job.deleting:
        return failed(snapshot, status, Failure(BuildReason.EVICTED, "the build's Job was deleted", retry=True))
    pod = snapshot.pod_of(job)
    foul = tampered(job, snapshot.pods_of(job), container_images(build, settings))
    if foul is not None:
        return failed(snapshot, status, foul, stop=job)
    return _try(snapshot, status, job, pod)


def retry_delay(failures: int) -> int:
    """Return the seconds to wait after that many tries in a row have failed."""
    if failures >= SLOW_AFTER:
        return SLOW_DELAY
    return int(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (failures - 1)))


def stamp(moment: datetime) -> str:
    """Return a time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _start(snapshot: BuildSnapshot, status: BuildStatus, attempt: int) -> BuildDecision:
    if not snapshot.may_start:
        return BuildDecision(status.queued())
    return BuildDecision(status.started(attempt, stamp(snapshot.now)), action="start", again=LOOK_AGAIN)


def _try(snapshot: BuildSnapshot, status: BuildStatus, job: BuildJob, pod: BuildPod | None) -> BuildDecision:
    if pod is not None and _push_ended_well(pod):
        # Its sidecar is still to be stopped and its Job to be counted, which takes seconds and changes nothing.
        return _complete(snapshot, status, job, pod)
    if job.ended is None:
        return _running(snapshot, status, job, pod)
    if pod is not None and _lags(job, pod):
        return BuildDecision(status, again=LOOK_AGAIN)
    if job.ended[0] == "Failed":
        return failed(snapshot, status, failure_of(job, pod, status.step or ""))
    return _complete(snapshot, status, job, pod)


def _running(snapshot: BuildSnapshot, status: BuildStatus, job: BuildJob, pod: BuildPod | None) -> BuildDecision:
    if pod.deleting if pod is not None else status.step != STARTING:
        # It was there: its Job will tell of its end.
        return BuildDecision(status, again=LOOK_AGAIN)
    hopeless = waiting_failure(pod) if pod is not None else None
    hopeless = hopeless or never_ran(pod, snapshot.wait)
    if hopeless is not None:
        return failed(snapshot, status, hopeless, stop=job)
    if pod is None:
        return BuildDecision(status, again=LOOK_AGAIN)
    return BuildDecision(status.at(_step(pod, snapshot.progress)), again=LOOK_AGAIN)


def _step(pod: BuildPod, progress: str) -> str:
    if pod.unschedulable:
        return f"waiting for a node: {pod.unschedulable}"[:256]
    running = working(pod)
    if running is not None:
        return progress or _STEPS[running.name]
    for container in pod.containers:
        if container.waiting is not None and container.waiting[0] != "PodInitializing":
            reason = container.waiting[0]
            return (f"{reason} of {container.image}" if "Image" in reason else f"waiting: {reason}")[:256]
    push = pod.container(PUSH)
    return "finishing" if push is not None and push.ended is not None else STARTING


def working(pod: BuildPod) -> BuildContainer | None:
    """Return the container that works now; the sidecar is there all the time."""
    running = [container for container in pod.containers if container.running and container.name != INDEX]
    return running[-1] if running else None


def _push_ended_well(pod: BuildPod) -> bool:
    """Tell whether `push`, the last container, ended well: its words are the result."""
    push = pod.container(PUSH)
    return push is not None and push.ended is not None and push.ended[1] == 0


def _lags(job: BuildJob, pod: BuildPod) -> bool:
    """Tell whether a pod is known as it was before its Job ended: the two come by watches of their own."""
    stopped = job.ended is not None and job.ended[1] == "DeadlineExceeded"
    return pod.phase in ("Pending", "Running") and not pod.deleting and not stopped


def _complete(snapshot: BuildSnapshot, status: BuildStatus, job: BuildJob, pod: BuildPod | None) -> BuildDecision:
    push = pod.container(PUSH) if pod is not None else None
    if push is None or push.ended is None:
        return failed(snapshot, status, Failure(BuildReason.LOCK_LOST, "the build's pod is gone", retry=True))
    spec = snapshot.build.spec
    try:
        message = parse_message(push.ended[2], spec.inputs.repository if spec.pushes else None)
    except LostRecordError as error:
        return failed(snapshot, status, Failure(BuildReason.LOCK_LOST, str(error), retry=True))
    install = pod.container(INSTALL) if pod is not None else None
    moved = _base_moved(install, message.base)
    if moved is not None:
        return failed(snapshot, status, moved)
    return BuildDecision(status, action="collect", job=job, message=message)


def _base_moved(install: BuildContainer | None, digest: str) -> Failure | None:
    """Return a failure where the node ran another base than the one that the layer was put on.

    A tag can move between the two look-ups. A runtime that knows an image by no digest of a registry tells nothing.
    """
    pulled = install.image_id.rpartition("@")[2] if install is not None and "@" in install.image_id else ""
    if not pulled or not digest or pulled == digest:
        return None
    message = f"the tag of the base image moved during the build: {digest} became {pulled}, or the node had an old one"
    return Failure(BuildReason.BUILD_FAILED, message, retry=True, hint="name the base image by digest to be sure of it")


def _after_failure(snapshot: BuildSnapshot, status: BuildStatus, attempts: int) -> BuildDecision:
    due = status.next_attempt_at
    if due is None:
        return BuildDecision(status)
    if not snapshot.wants_place:
        return BuildDecision(status, again=(datetime.fromisoformat(due) - snapshot.now).total_seconds())
    return _start(snapshot, status, attempts + 1)


def failed(
    snapshot: BuildSnapshot, status: BuildStatus, failure: Failure, stop: BuildJob | None = None
) -> BuildDecision:
    """Return the decision after a failed try: another one later where that can help."""
    delay = retry_delay((status.failures or 0) + 1) if failure.retry else None
    due = stamp(snapshot.now + timedelta(seconds=delay)) if delay is not None else None
    after = status.failed(failure.recorded(), stamp(snapshot.now), due)
    return BuildDecision(after, action="stop" if stop else "none", job=stop, again=delay)
