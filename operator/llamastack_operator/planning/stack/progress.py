"""Whether the newest generation serves, is on its way, or will not get there by itself: Ready, Reconciling, Stalled.

A chain of looks at one situation, of which the first that has something to say decides. `LOOKS` is the whole order;
each look may rely on those before it having had nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llamastack_operator.api.conditions import Verdict, no, with_rest, yes
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.planning.stack.availability import stops, suspended, trouble_of, trouble_words
from llamastack_operator.planning.stack.pass_outcome import rest_of, summary
from llamastack_operator.planning.stack.preflight import Preflight
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck
from llamastack_operator.workloads.children import autoscaled
from llamastack_resolver.findings import Finding, Reason

_WORKING = "work is going on"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the looks look at.

    Attributes:
        snapshot: the stack and its objects, as they are after the pass.
        errors: what the pass found that forbids to go on.
        applied: whether every wanted object is in place.
        available: whether pods serve.
        check: the check of their start that counts, if its pods are of the newest generation.
        held: the preflight for which the roll-out waits; None where it does not.
    """

    snapshot: Snapshot
    errors: Sequence[Finding]
    applied: bool
    available: Verdict
    check: LastCheck | None = None
    held: Preflight | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Three conditions which together say what kstatus needs; one of them at most is True.

    Attributes:
        ready: whether the newest generation serves.
        reconciling: whether the operator or the cluster is at work on it.
        stalled: whether no progress is expected without a change from outside.
    """

    ready: Verdict
    reconciling: Verdict
    stalled: Verdict


def progress(situation: Situation) -> Progress:
    """Return what the first look says that has something to say."""
    return next(found for look in LOOKS if (found := look(situation)) is not None)


def lasting_error(situation: Situation) -> Progress | None:
    """Look for an error that only an edit can mend."""
    errors = _lasting_first(situation.errors)
    if not errors or errors[0].reason.declaration.passing:
        return None
    return _stuck(errors[0].reason, summary(errors))


def passing_error(situation: Situation) -> Progress | None:
    """Look for errors that may be gone by themselves."""
    errors = situation.errors
    return _at_work(errors[0].reason, summary(errors), "it is tried again with backoff") if errors else None


def image_failed(situation: Situation) -> Progress | None:
    """Look for a build that failed and is not tried again."""
    image = situation.snapshot.image
    return _stuck(image.reason, image.message) if image is not None and not image.ready and image.stalled else None


def image_awaited(situation: Situation) -> Progress | None:
    """Look for a build that waits, runs or is tried again."""
    image = situation.snapshot.image
    return _at_work(image.reason, image.message) if image is not None and not image.ready else None


def held_back(situation: Situation) -> Progress | None:
    """Look whether the newest generation is held back until its preflight has ended, or for what that has found."""
    held, check = situation.held, situation.check
    if held is None:
        return None
    if check is None:
        return _at_work(StackReason.PREFLIGHT, "a preflight checks the new revision before pods that serve are stopped")
    errors = _lasting_first(check.errors)
    reason, words = errors[0].reason, f"found by a preflight, and no pod was stopped: {errors[0].message}"
    return (_at_work if reason.declaration.passing else _stuck)(reason, with_rest(words, rest_of(errors)))


def at_rest(situation: Situation) -> Progress | None:
    """Look whether the stack is to run no pod, and runs none."""
    deployment = situation.snapshot.deployment
    if not (situation.applied and suspended(situation.snapshot) and deployment is not None and deployment.rolled_out):
        return None
    return _done(StackReason.SUSPENDED, "no pod runs, as asked")


def serving(situation: Situation) -> Progress | None:
    """Look whether only pods of the newest generation exist and enough of them serve."""
    deployment = situation.snapshot.deployment
    if not situation.applied or deployment is None or not _serves_newest(situation.snapshot, deployment):
        return None
    return _done(StackReason.READY, situation.available.message)


def timed_out(situation: Situation) -> Progress | None:
    """Look whether the cluster gave the rollout up."""
    deployment = situation.snapshot.deployment
    if deployment is None or not deployment.observed or not deployment.given_up:
        return None
    words = trouble_words(trouble_of(situation.snapshot, deployment), situation.check)
    told = f"{deployment.given_up}; {words}" if words else deployment.given_up
    return _stuck(StackReason.ROLLOUT_TIMED_OUT, told)


def check_failed(situation: Situation) -> Progress | None:
    """Look whether pods of the newest generation keep their server from starting, and whether that may pass: the
    kubelet has them try again."""
    check = situation.check
    if not stops(check, trouble_of(situation.snapshot, situation.snapshot.deployment)):
        return None
    errors = _lasting_first(check.errors)
    reason, words = errors[0].reason, summary(errors)
    return _at_work(reason, words, "pods try it again") if reason.declaration.passing else _stuck(reason, words)


def pods_in_trouble(situation: Situation) -> Progress | None:
    """Look for pods of the newest generation that do not start."""
    trouble = trouble_of(situation.snapshot, situation.snapshot.deployment)
    return _at_work(trouble.reason, trouble.message) if trouble else None


def starting(situation: Situation) -> Progress:
    """Say what is left: pods are on their way, and nothing is known against them."""
    return _at_work(StackReason.PROGRESSING, "pods of the newest generation are starting")


Look = Callable[[Situation], Progress | None]
LOOKS: tuple[Look, ...] = (
    lasting_error,
    passing_error,
    image_failed,
    image_awaited,
    held_back,
    at_rest,
    serving,
    timed_out,
    check_failed,
    pods_in_trouble,
    starting,
)
"""The order of the looks: what an edit must mend, what is waited for, what is held back, what is well, what went wrong,
what is left."""


def _done(reason: Reason, message: str) -> Progress:
    settled = no(StackReason.SETTLED, "nothing is left to do")
    return Progress(yes(reason, message), settled, settled)


def _at_work(reason: Reason, message: str, meanwhile: str = _WORKING) -> Progress:
    return Progress(no(reason, message), yes(reason, message), no(StackReason.PROGRESSING, meanwhile))


def _stuck(reason: Reason, message: str) -> Progress:
    return Progress(no(reason, message), no(reason, message), yes(reason, message))


def _lasting_first(errors: Sequence[Finding]) -> list[Finding]:
    """Return errors with those first that only an edit can mend."""
    return sorted(errors, key=lambda finding: finding.reason.declaration.passing)


def _serves_newest(snapshot: Snapshot, deployment: DeploymentFacts) -> bool:
    """Tell whether only pods of the newest generation exist and enough of them serve.

    An autoscaler adds pods to a stack that serves: that alone does not make it less ready.
    """
    if not deployment.observed or deployment.updated < deployment.replicas:
        return False
    spec = snapshot.stack.spec
    if spec is not None and autoscaled(spec) and spec.server is not None and spec.server.autoscaling is not None:
        return deployment.available >= (spec.server.autoscaling.min_replicas or 1)
    return deployment.rolled_out
