"""Whether a try whose pod does not come to run gives its place to others, and why it did not. Pure.

A place is for builds that work. What no node takes waits as long as nobody else wants the place, for a node may be on
its way; what is refused, or whose programs cannot be pulled, says so after a minute and is tried again later.
"""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_contract.paths import INSTALL
from llamastack_operator.api.conditions import printable
from llamastack_operator.objects.builds import BuildPod
from llamastack_operator.planning.build.failure import PULL_FAILED, Failure
from llamastack_operator.planning.reasons import PodReason

PATIENCE = 60
"""Seconds that a try may hold a place without a pod that can run."""
NODE_PATIENCE = 600
"""The same for one that waits for a node while nobody else waits for its place."""
_PULLED_WITH = (
    "the nodes must be able to pull the operator's image into this namespace: without credentials, or with those of "
    "spec.build.pullSecretRef"
)


@dataclass(frozen=True, slots=True)
class Wait:
    """How a try waits.

    Attributes:
        seconds: since it began.
        contended: whether another build would have its place.
        refusal: why no pod could be made, as far as that is known.
    """

    seconds: float
    contended: bool = False
    refusal: str = ""

    @property
    def over(self) -> bool:
        """Whether a pod should have run by now."""
        return self.seconds >= PATIENCE


def never_ran(pod: BuildPod | None, wait: Wait) -> Failure | None:
    """Return why a try ends before its pod ran, or None where it may go on.

    Args:
        pod: its pod; None where none was ever made.
        wait: how it waits.
    """
    if not wait.over:
        return None
    if pod is None:
        words = printable(wait.refusal) or "nothing says why; look at the events of its Job"
        return Failure(
            PodReason.PODS_REFUSED,
            f"the build's pod cannot be created: {words}",
            retry=True,
            hint="make room in the namespace's quota, or let the pod fit its rules, as the message says",
        )
    if pod.unschedulable and (wait.contended or wait.seconds >= NODE_PATIENCE):
        return Failure(
            PodReason.UNSCHEDULABLE,
            f"no node takes the build's pod: {pod.unschedulable}",
            retry=True,
            hint="ask for less in spec.build.resources, or add a node",
        )
    return _without_programs(pod)


def _without_programs(pod: BuildPod) -> Failure | None:
    """Return a failure where the operator's own image cannot be pulled: what the base lacks is told elsewhere."""
    for container in pod.containers:
        reason, words = container.waiting or ("", "")
        if container.name != INSTALL and reason in PULL_FAILED:
            message = f"the operator's image {container.image} cannot be pulled for the build: {reason}: {words}"
            return Failure(
                PodReason.IMAGE_PULL_FAILED,
                message.rstrip(": "),
                retry=True,
                step=container.name,
                hint=_PULLED_WITH,
            )
    return None
