"""Whether pods serve, and what keeps them from it."""

from __future__ import annotations

from typing import TypeGuard

from llamastack_operator.api.conditions import Verdict, no, yes
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.reasons import PodReason
from llamastack_operator.planning.stack.diagnosis import Diagnosis, diagnose
from llamastack_operator.planning.stack.pass_outcome import summary
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck
from llamastack_operator.workloads.children import autoscaled
from llamastack_operator.workloads.names import replicas


def availability(snapshot: Snapshot, check: LastCheck | None = None, newest: str = "") -> Verdict:
    """Return whether pods serve, be it an older generation.

    Args:
        snapshot: the stack and its objects.
        check: the check that counts, if its pods are of the newest generation.
        newest: the newest revision, where that is another one than the Deployment's.
    """
    deployment = snapshot.deployment
    trouble = trouble_of(snapshot, deployment)
    if suspended(snapshot):
        return no(StackReason.SUSPENDED, "no pod runs, as asked")
    wanted = deployment.wanted if deployment else 0
    count = deployment.available if deployment else 0
    told = f"{count} of {wanted} pods are available" if deployment else "no pod exists yet"
    words = trouble_words(trouble, check)
    if words:
        told = f"{told}; {words}"
    if deployment is None or count == 0:
        none = StackReason.NO_REPLICAS_AVAILABLE
        return no(trouble.reason if trouble and not stops(check, trouble) else none, told)
    revision = newest or deployment.revision
    ready = [pod for pod in snapshot.pods if pod.ready and not pod.deleting]
    if ready and not any(pod.revision == revision for pod in ready):
        return yes(StackReason.OLD_REVISION_SERVES, told)
    if count < wanted:
        return yes(StackReason.SOME_REPLICAS_AVAILABLE, told)
    return yes(StackReason.ALL_REPLICAS_AVAILABLE, told)


def trouble_words(trouble: Diagnosis | None, check: LastCheck | None) -> str:
    """Return why pods do not start: what a check that stopped them says, or how they stand where it says nothing."""
    if stops(check, trouble):
        return f"the start check failed: {summary(check.errors)}"
    return trouble.message if trouble else ""


def stops(check: LastCheck | None, trouble: Diagnosis | None) -> TypeGuard[LastCheck]:
    """Tell whether a check is what keeps pods from serving; what one of a pod that went said may not be all by now."""
    if check is None or not check.stopped or check.report.verdict != "Failed":
        return False
    return check.fresh or trouble is None


def suspended(snapshot: Snapshot) -> bool:
    """Tell whether a stack is to run no pod."""
    spec = snapshot.stack.spec
    return spec is not None and replicas(spec) == 0 and not autoscaled(spec)


def trouble_of(snapshot: Snapshot, deployment: DeploymentFacts | None) -> Diagnosis | None:
    """Return why pods of the newest revision do not serve, or cannot even be made; None where nothing is known."""
    if deployment is None:
        return None
    pods: list[Pod] = [pod for pod in snapshot.pods if pod.revision == deployment.revision]
    found = diagnose(pods)
    if found is None and deployment.pods_refused is not None:
        return Diagnosis(PodReason.PODS_REFUSED, f"pods cannot be created: {deployment.pods_refused}")
    return found
