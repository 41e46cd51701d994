"""Reads from pods why they do not serve. Pure, and never from logs, which may hold secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llamastack_operator.api.conditions import with_rest
from llamastack_operator.objects.pods import ContainerState, Pod, StartCheck
from llamastack_operator.planning.reasons import PodReason
from llamastack_resolver.findings import Reason

_PULL_REASONS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_CONFIG_REASONS = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreStartHookError",
}
# Worst first: what the user must act on comes before what may be a consequence.
_ORDER = (
    PodReason.IMAGE_PULL_FAILED,
    PodReason.CONTAINER_CONFIG_FAILED,
    PodReason.OUT_OF_MEMORY,
    PodReason.CRASH_LOOPING,
    PodReason.STARTUP_FAILED,
    PodReason.UNSCHEDULABLE,
    PodReason.PODS_REFUSED,
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a pod does not serve.

    Attributes:
        reason: the reason for conditions.
        message: pod, container and cause, for people.
    """

    reason: Reason
    message: str


def diagnose(pods: Iterable[Pod]) -> Diagnosis | None:
    """Return the most telling trouble of some pods, or None where none is in trouble."""
    troubles = [trouble for pod in pods if not pod.deleting for trouble in _pod_troubles(pod)]
    if not troubles:
        return None
    worst = min(troubles, key=lambda trouble: (_ORDER.index(trouble.reason), trouble.message))
    others = len({trouble.message for trouble in troubles}) - 1
    return Diagnosis(worst.reason, with_rest(worst.message, f" (and {others} more)") if others else worst.message)


def _pod_troubles(pod: Pod) -> Iterator[Diagnosis]:
    name = f"pod {pod.key[1]}"
    if pod.unschedulable:
        yield Diagnosis(PodReason.UNSCHEDULABLE, f"{name} cannot be scheduled: {pod.unschedulable}")
    if pod.phase == "Failed":
        yield Diagnosis(PodReason.STARTUP_FAILED, f"{name} failed: {pod.evicted or 'no reason was given'}")
    checks = [] if pod.check is None else [(pod.check.container, _check_trouble(pod.check))]
    for container, trouble in (*checks, *((one, _container_trouble(one)) for one in pod.containers)):
        if trouble is not None:
            yield Diagnosis(trouble.reason, f"{name}: container {container.name} {trouble.message}")


def _check_trouble(check: StartCheck) -> Diagnosis | None:
    """Return what keeps a check from saying anything; what it says is told as its findings, and no trouble of a pod.

    Where a part of it was killed for its memory it says that it could not be made, and ends with 0: to the kubelet it
    has failed all the same, and is started again.
    """
    ended = check.container.ended
    says_nothing = check.report is None or (ended is not None and ended[0] == "OOMKilled")
    return _container_trouble(check.container) if says_nothing else _waiting_trouble(check.container)


def _waiting_trouble(container: ContainerState) -> Diagnosis | None:
    if container.ready or container.waiting is None:
        return None
    reason, message = container.waiting
    if reason in _PULL_REASONS:
        return Diagnosis(PodReason.IMAGE_PULL_FAILED, f"cannot pull its image: {reason}: {message}".rstrip(": "))
    if reason in _CONFIG_REASONS:
        return Diagnosis(PodReason.CONTAINER_CONFIG_FAILED, f"cannot be made: {reason}: {message}".rstrip(": "))
    return None


def _container_trouble(container: ContainerState) -> Diagnosis | None:
    waits = _waiting_trouble(container)
    if waits is not None:
        return waits
    if container.ready or container.ended is None:
        return None
    cause, code, _ = container.ended
    times = f"{container.restarts} restart{'' if container.restarts == 1 else 's'}"
    if cause == "OOMKilled":
        return Diagnosis(
            PodReason.OUT_OF_MEMORY, f"was killed for exceeding its memory limit (exit code {code}), {times}"
        )
    reason = PodReason.CRASH_LOOPING if container.restarts else PodReason.STARTUP_FAILED
    return Diagnosis(reason, f"ended with exit code {code} ({cause or 'no reason'}), {times}")
