"""One build and what belongs to it, at one moment: what is decided by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llamastack_operator.objects.build_status import STARTING
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord
from llamastack_operator.planning.build.place import Wait


@dataclass(frozen=True, slots=True)
class BuildSnapshot:
    """One build and what belongs to it, at one moment.

    Attributes:
        build: the build.
        jobs: its Jobs.
        pods: their pods.
        may_start: whether one more build may run.
        now: the time of the pass.
        progress: what the running container printed last of how far it is.
        contended: whether another build waits for the place of this one.
        refusal: why no pod could be made for its try, as far as that is known.
        lock_missing: whether the ConfigMap is gone from which pods install what it locked.
    """

    build: BuildRecord
    jobs: tuple[BuildJob, ...]
    pods: tuple[BuildPod, ...]
    may_start: bool
    now: datetime
    progress: str = ""
    contended: bool = False
    refusal: str = ""
    lock_missing: bool = False

    @property
    def wants_place(self) -> bool:
        """Whether a try is due."""
        build, status = self.build, self.build.status
        if build.phase == "Succeeded":
            return bool(build.rerun) and build.rerun != status.rerun
        if build.phase == "Failed":
            due = status.next_attempt_at
            return due is not None and datetime.fromisoformat(due) <= self.now
        return build.phase == "Queued" or not status.attempts

    @property
    def job(self) -> BuildJob | None:
        """The Job of the try that the status speaks of."""
        attempts = self.build.status.attempts
        return next((job for job in self.jobs if job.attempt == attempts and job.build_uid == self.build.uid), None)

    @property
    def pod(self) -> BuildPod | None:
        """The pod of that Job."""
        return self.pod_of(self.job) if self.job is not None else None

    @property
    def wait(self) -> Wait:
        """How long the try takes, and what is known of what keeps it from running."""
        began = self.build.status.started_at
        seconds = (self.now - datetime.fromisoformat(began)).total_seconds() if began is not None else 0.0
        return Wait(seconds, self.contended, self.refusal)

    @property
    def is_refused(self) -> bool:
        """Whether the try has a Job that runs, and had no pod for too long."""
        status, job = self.build.status, self.job
        runs = self.build.phase == "Building" and status.step == STARTING and job is not None and job.ended is None
        return runs and self.pod is None and self.wait.over

    @property
    def is_passed_over(self) -> bool:
        """Whether no node has taken the pod of the try for too long."""
        pod = self.pod
        return self.build.phase == "Building" and pod is not None and bool(pod.unschedulable) and self.wait.over

    def pod_of(self, job: BuildJob) -> BuildPod | None:
        """Return the pod of a Job."""
        return next(iter(self.pods_of(job)), None)

    def pods_of(self, job: BuildJob) -> list[BuildPod]:
        """Return all pods that a Job calls its own; those that stay come first."""
        return sorted((pod for pod in self.pods if pod.job_uid == job.uid), key=lambda pod: pod.deleting)
