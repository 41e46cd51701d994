"""Why a try of a build failed. Pure: the Job and its pod in; reason, words and whether another try can help out.

What `install` says of itself is tenants' text: it is bounded, it can name a reason of the table alone, and it can
never turn a failure into a success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llamastack_contract.message import FailureMessage
from llamastack_contract.paths import INDEX, INSTALL, PUSH
from llamastack_operator.api.conditions import MESSAGE_LIMIT, printable
from llamastack_operator.api.llamastackbuild import TAIL_LIMIT
from llamastack_operator.objects.build_status import RecordedFailure
from llamastack_operator.objects.builds import BuildContainer, BuildJob, BuildPod
from llamastack_operator.planning.build.reasons import FAILURES, BuildReason
from llamastack_operator.planning.reasons import PodReason
from llamastack_resolver.findings import Reason

LINE_LIMIT = 400
"""Most characters that are kept of one line of a failing step."""
_WHO = "find out who may edit pods in this namespace, or which admission webhook changes them"
PULL_FAILED = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
"""Why a container waits whose image cannot be pulled."""
_MORE_MEMORY = "raise spec.build.resources.limits.memory"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed.

    Attributes:
        reason: the reason for conditions.
        message: one line for people.
        retry: whether another try can help without a change from outside.
        step: the container that failed, empty where it was none.
        hint: what to do, empty where nothing better than the message is known.
        tail: the last lines of the failing step.
        concerns: names of the modules and requirements that it is about.
    """

    reason: Reason
    message: str
    retry: bool = False
    step: str = ""
    hint: str = ""
    tail: tuple[str, ...] = field(default=())
    concerns: tuple[str, ...] = ()

    def recorded(self) -> RecordedFailure:
        """Return what a status keeps of it, within its bounds."""
        return RecordedFailure(
            reason=str(self.reason),
            message=self.message[:MESSAGE_LIMIT],
            hint=self.hint[:MESSAGE_LIMIT],
            step=self.step,
            retry=self.retry,
            tail=tuple(line[:LINE_LIMIT] for line in self.tail[-TAIL_LIMIT:]),
            concerns=self.concerns,
        )


def failure_of(job: BuildJob, pod: BuildPod | None, seen: str = "") -> Failure:
    """Return why a Job that ended as failed did so.

    Args:
        job: the Job.
        pod: its pod, or None where there is none any more: a Job past its deadline deletes its pods first.
        seen: what the build was last seen doing.
    """
    _, reason, words = job.ended or ("Failed", "", "")
    if reason == "DeadlineExceeded":
        return Failure(
            BuildReason.TIMED_OUT,
            f"the build took too long{f'; it was {seen}' if seen else ''}",
            step=_last_step(pod),
            hint="raise spec.build.timeoutSeconds, or look at what the step waits for",
        )
    if pod is None or pod.deleting:
        return Failure(BuildReason.EVICTED, "the build's pod was deleted", retry=True)
    failed = next((c for c in pod.containers if c.ended is not None and c.ended[1] != 0 and c.name != INDEX), None)
    if failed is not None and failed.ended is not None and failed.ended[0] == "OOMKilled":
        return Failure(
            PodReason.OUT_OF_MEMORY,
            f"the step {failed.name} was killed for exceeding its memory limit",
            step=failed.name,
            hint=_MORE_MEMORY,
        )
    if pod.reason[0]:
        return _pod_failure(pod)
    if failed is None:
        return Failure(
            BuildReason.EVICTED, f"the build's pod ended without a reason: {reason} {words}".strip(), retry=True
        )
    return _container_failure(failed)


def waiting_failure(pod: BuildPod) -> Failure | None:
    """Return why a pod that waits will never run, or None where waiting may help."""
    for container in pod.containers:
        if container.waiting is None or container.waiting[0] not in PULL_FAILED:
            continue
        reason, message = container.waiting
        text = message.lower()
        where = f"the image {container.image} cannot be pulled"
        if container.name != INSTALL:
            continue
        if "unauthorized" in text or "authorization failed" in text or "denied" in text:
            hint = "name credentials in spec.build.pullSecretRef"
            return Failure(BuildReason.REGISTRY_UNAUTHORIZED, f"{where}: {reason}", step=INSTALL, hint=hint)
        if "not found" in text or reason == "InvalidImageName":
            return Failure(
                BuildReason.BASE_NOT_FOUND,
                f"{where}: it does not exist",
                step=INSTALL,
                hint="look at spec.distribution",
            )
    return None


def tampered(job: BuildJob, pods: Sequence[BuildPod], expected: Mapping[str, str]) -> Failure | None:
    """Return a failure where what runs is not what the operator asked for, and can be no result.

    Args:
        job: the Job, which nobody can change.
        pods: its pods.
        expected: the image that each container must run.
    """
    staying = [pod for pod in pods if not pod.deleting]
    if len(staying) > 1:
        # A Job makes another pod where it has lost sight of one; and it adopts what others made for it.
        message = f"the build's Job has {len(staying)} pods, of which one was not made for it"
        return Failure(BuildReason.EVICTED, message, retry=True)
    for pod in pods[:1]:
        foul = _other_images(pod, expected)
        if foul is not None:
            return foul
        if pod.recipe != job.recipe:
            message = f"the pod {pod.key[1]} has other commands, variables or volumes than the build's Job asks for"
            return Failure(BuildReason.TAMPERED, message, hint=_WHO)
    return None


def _other_images(pod: BuildPod, expected: Mapping[str, str]) -> Failure | None:
    """Return a failure where a pod's containers are not those that the operator asked for.

    Its result is not used in any case; where all programs are of one other image, an upgrade is the likely cause.
    """
    images = {container.name: container.image for container in pod.containers}
    programs = {images.get(name, "") for name in expected if name != INSTALL}
    if images.keys() == expected.keys() and images[INSTALL] == expected[INSTALL] and len(programs) == 1:
        (program,) = programs
        if program != expected[PUSH]:
            return Failure(
                BuildReason.EVICTED, f"the build ran the programs of another operator ({program})", retry=True
            )
        return None
    for container in pod.containers:
        if expected.get(container.name) != container.image:
            message = f"the container {container.name} of pod {pod.key[1]} was made to run {container.image}"
            return Failure(BuildReason.TAMPERED, message, hint=_WHO)
    return None


def _pod_failure(pod: BuildPod) -> Failure:
    reason, message = pod.reason
    text = " ".join(message.split())
    if "ephemeral" in text or "emptyDir" in text or "EmptyDir" in text:
        hint = "raise spec.build.workspace.sizeLimit or the build's ephemeral-storage limit"
        return Failure(BuildReason.DISK_FULL, f"the build's pod was evicted: {text}", hint=hint)
    return Failure(BuildReason.EVICTED, f"the build's pod was evicted: {reason}: {text}".rstrip(": "), retry=True)


def _container_failure(container: BuildContainer) -> Failure:
    cause, code, text = container.ended or ("", 0, "")
    words = FailureMessage.parse(text)
    if words is not None:
        return _as_it_says(words, container.name)
    if cause in ("StartError", "ContainerCannotRun") and container.name == INSTALL:
        message = "the base image has no `python3` on its PATH that can be run"
        return Failure(BuildReason.UNSUPPORTED_BASE, message, step=container.name, tail=_lines(text))
    # A process that was killed from outside, as by a node that goes down, has no say of its own.
    killed = code in (137, 143)
    message = f"the step {container.name} ended with exit code {code} ({cause or 'no reason'})"
    return Failure(BuildReason.BUILD_FAILED, message, retry=killed, step=container.name, tail=_lines(text))


def _as_it_says(words: FailureMessage, step: str) -> Failure:
    reason = FAILURES[words.reason]
    if reason is BuildReason.TAMPERED and step == INSTALL:
        # What only the operator's own programs can see.
        reason = BuildReason.BUILD_FAILED
    return Failure(
        reason,
        _one_line(words.message) or f"the step {step} failed",
        retry=words.retry,
        step=step,
        hint=_one_line(words.hint),
        tail=tuple(map(_one_line, words.tail[-TAIL_LIMIT:])),
        concerns=words.concerns,
    )


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())[:MESSAGE_LIMIT]


def _lines(text: str) -> tuple[str, ...]:
    lines = (printable(line).rstrip()[:LINE_LIMIT] for line in text.splitlines())
    return tuple(line for line in lines if line.strip())[-TAIL_LIMIT:]


def _last_step(pod: BuildPod | None) -> str:
    running = [container.name for container in pod.containers if container.running] if pod else []
    return running[-1] if running else ""
