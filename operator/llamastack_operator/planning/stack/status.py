"""Computes the status of a stack. Pure: what is there, what was planned and what happened in; the status out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.conditions import MESSAGE_LIMIT, ConditionType
from llamastack_operator.api.labels import selector_labels
from llamastack_operator.api.status import FINDINGS_LIMIT, FindingStatus
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.image.reasons import ImageReason
from llamastack_operator.planning.reasons import PodReason
from llamastack_operator.planning.stack.diagnosis import Diagnosis, diagnose
from llamastack_operator.planning.stack.inputs.providers import Provider
from llamastack_operator.planning.stack.plan import rollout_complete
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.children import autoscaled
from llamastack_operator.workloads.names import replicas, server_port
from llamastack_resolver.findings import Finding, Findings, Place, Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status and reason of one condition."""

    status: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PassOutcome:
    """What a pass has to report beside the snapshot.

    Attributes:
        findings: from planning and from applying.
        applied: whether every wanted object is in place.
        asked: whether the running server was asked for its version in this pass.
        release: what it answered.
    """

    findings: Sequence[Finding] = ()
    applied: bool = True
    asked: bool = False
    release: str | None = None


def status_of(snapshot: Snapshot, outcome: PassOutcome, now: str) -> dict[str, Any]:
    """Return the whole status of a stack.

    Args:
        snapshot: the stack and its objects, as they are after the pass.
        outcome: what the pass found and did.
        now: the time of the pass (RFC 3339), for conditions that change.
    """
    stack = snapshot.stack
    deployment = snapshot.child("Deployment")
    service = snapshot.child("Service")
    findings = [FindingStatus.of(finding).to_wire() for finding in (*outcome.findings, *_image_findings(snapshot))]
    namespace, name = stack.key
    url = f"http://{name}.{namespace}.svc:{server_port(stack.spec)}" if stack.spec and service else None
    status = {
        "observedGeneration": stack.generation,
        "conditions": conditions(snapshot, outcome, now),
        "url": url,
        "image": serving_image(snapshot) or stack.status.get("image"),
        "release": outcome.release if outcome.asked else stack.status.get("release"),
        "buildRef": _build_ref(snapshot),
        "providers": [_provider(provider, snapshot) for provider in snapshot.providers],
        "replicas": deployment.facts["replicas"] if deployment else 0,
        "readyReplicas": deployment.facts["readyReplicas"] if deployment else 0,
        "selector": ",".join(f"{key}={value}" for key, value in selector_labels(name).items()),
        "findings": [_bounded(finding) for finding in findings[:FINDINGS_LIMIT]],
        "omittedFindings": max(0, len(findings) - FINDINGS_LIMIT) or None,
    }
    return {key: value for key, value in status.items() if value not in (None, "", [])}


def conditions(snapshot: Snapshot, outcome: PassOutcome, now: str) -> list[dict[str, Any]]:
    """Return all conditions; a transition time is new only where the status is."""
    verdicts = _verdicts(snapshot, outcome)
    known = {condition["type"]: condition for condition in snapshot.stack.status.get("conditions") or []}
    listed = []
    for kind, verdict in verdicts.items():
        status = "True" if verdict.status else "False"
        before = known.get(kind, {})
        since = before["lastTransitionTime"] if before.get("status") == status else now
        listed.append(
            {
                "type": str(kind),
                "status": status,
                "reason": str(verdict.reason),
                "message": cut(verdict.message),
                "observedGeneration": snapshot.stack.generation,
                "lastTransitionTime": since,
            }
        )
    return listed


def is_ready(status: Mapping[str, Any]) -> bool:
    """Tell whether a status says Ready."""
    return any(
        condition["type"] == ConditionType.READY and condition["status"] == "True"
        for condition in status.get("conditions") or []
    )


def serving_image(snapshot: Snapshot) -> str | None:
    """Return the image of the serving pods by digest, the newest pod's first."""
    ready = sorted((pod for pod in snapshot.pods if pod.ready), key=lambda pod: pod.created, reverse=True)
    images = [container.image for pod in ready for container in pod.containers if "@" in container.image]
    return images[0] if images else None


def cut(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return a message of at most `limit` characters, saying so where something is cut."""
    return message if len(message) <= limit else message[: limit - 2].rstrip() + " …"


def _bounded(finding: dict[str, Any]) -> dict[str, Any]:
    return {key: cut(value) for key, value in finding.items()}


def _verdicts(snapshot: Snapshot, outcome: PassOutcome) -> dict[ConditionType, Verdict]:
    errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
    available = _available(snapshot)
    ready, reconciling, stalled = _progress(snapshot, outcome, errors, available)
    return {
        ConditionType.READY: ready,
        ConditionType.CONFIG_VALID: _config_valid(errors),
        ConditionType.IMAGE_READY: _image_ready(snapshot, errors),
        ConditionType.AVAILABLE: available,
        ConditionType.RECONCILING: reconciling,
        ConditionType.STALLED: stalled,
    }


def _config_valid(errors: Sequence[Finding]) -> Verdict:
    relevant = [finding for finding in errors if Place.CONFIG_VALID in finding.reason.declaration.shows]
    if not relevant:
        return Verdict(True, StackReason.VALID, "nothing was found wrong")
    return Verdict(False, relevant[0].reason, _summary(relevant))


def _image_ready(snapshot: Snapshot, errors: Sequence[Finding]) -> Verdict:
    image = snapshot.image
    if image is not None:
        return Verdict(image.ready, image.reason, image.message)
    reasons = [finding for finding in snapshot.install_findings if finding.severity is Severity.ERROR]
    if reasons:
        return Verdict(False, reasons[0].reason, _summary(reasons))
    return Verdict(False, StackReason.NOT_DETERMINED, _summary(errors) if errors else "the spec could not be read")


def _image_findings(snapshot: Snapshot) -> Findings:
    """Return a failed build as a finding, with what to do."""
    image, findings = snapshot.image, Findings()
    if image is None or image.ready or image.reason in (ImageReason.QUEUED, ImageReason.BUILDING):
        return findings
    findings.error(image.reason, image.message, "spec.build", hint=image.hint or image.reason.declaration.cure)
    return findings


def _build_ref(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the build that the stack runs or waits for; an error in the spec does not make the last one forgotten."""
    image = snapshot.image
    if image is None:
        return snapshot.stack.status.get("buildRef")
    return {"name": image.current} if image.current else None


def _provider(provider: Provider, snapshot: Snapshot) -> dict[str, Any]:
    modules = snapshot.image.modules if snapshot.image else ()
    version = next((module["version"] for module in modules if module["requirement"] == provider.module), None)
    wire = {
        "api": provider.api,
        "id": provider.id,
        "type": provider.type,
        "module": provider.module or None,
        "moduleVersion": version,
    }
    return {key: value for key, value in wire.items() if value is not None}


def _progress(
    snapshot: Snapshot, outcome: PassOutcome, errors: Sequence[Finding], available: Verdict
) -> tuple[Verdict, Verdict, Verdict]:
    """Return Ready, Reconciling and Stalled, which together say what kstatus needs."""
    settled = Verdict(False, StackReason.SETTLED, "nothing is left to do")
    if errors:
        verdict = Verdict(False, errors[0].reason, _summary(errors))
        if any(not finding.reason.declaration.passing for finding in errors):
            return verdict, Verdict(False, verdict.reason, verdict.message), _on(verdict)
        return verdict, _on(verdict), Verdict(False, StackReason.PROGRESSING, "it is tried again with backoff")
    image = snapshot.image
    if image is not None and not image.ready:
        verdict = Verdict(False, image.reason, image.message)
        if image.stalled:
            return verdict, Verdict(False, verdict.reason, verdict.message), _on(verdict)
        return verdict, _on(verdict), Verdict(False, StackReason.PROGRESSING, "work is going on")
    deployment = snapshot.child("Deployment")
    if outcome.applied and _suspended(snapshot) and rollout_complete(deployment):
        return Verdict(True, StackReason.SUSPENDED, "no pod runs, as asked"), settled, settled
    if outcome.applied and deployment is not None and _serves_newest(snapshot, deployment):
        return Verdict(True, StackReason.READY, available.message), settled, settled
    trouble = _trouble(snapshot, deployment)
    if timed_out := _timed_out(deployment):
        why = Verdict(False, StackReason.ROLLOUT_TIMED_OUT, f"{timed_out}; {trouble.message}" if trouble else timed_out)
        return why, Verdict(False, why.reason, why.message), _on(why)
    why = Verdict(False, StackReason.PROGRESSING, "pods of the newest generation are starting")
    if trouble:
        why = Verdict(False, trouble.reason, trouble.message)
    return why, _on(why), Verdict(False, StackReason.PROGRESSING, "work is going on")


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


def _available(snapshot: Snapshot) -> Verdict:
    deployment = snapshot.child("Deployment")
    trouble = _trouble(snapshot, deployment)
    if _suspended(snapshot):
        return Verdict(False, StackReason.SUSPENDED, "no pod runs, as asked")
    wanted = deployment.facts["wanted"] if deployment else 0
    count = deployment.facts["availableReplicas"] if deployment else 0
    told = f"{count} of {wanted} pods are available" if deployment else "no pod exists yet"
    if trouble:
        told = f"{told}; {trouble.message}"
    if deployment is None or count == 0:
        return Verdict(False, trouble.reason if trouble else StackReason.NO_REPLICAS_AVAILABLE, told)
    revision = deployment.facts["revision"]
    ready = [pod for pod in snapshot.pods if pod.ready and not pod.deleting]
    if ready and not any(pod.revision == revision for pod in ready):
        return Verdict(True, StackReason.OLD_REVISION_SERVES, told)
    if count < wanted:
        return Verdict(True, StackReason.SOME_REPLICAS_AVAILABLE, told)
    return Verdict(True, StackReason.ALL_REPLICAS_AVAILABLE, told)


def _suspended(snapshot: Snapshot) -> bool:
    spec = snapshot.stack.spec
    return spec is not None and replicas(spec) == 0 and not autoscaled(spec)


def _trouble(snapshot: Snapshot, deployment: Child | None) -> Diagnosis | None:
    if deployment is None:
        return None
    pods: list[Pod] = [pod for pod in snapshot.pods if pod.revision == deployment.facts["revision"]]
    found = diagnose(pods)
    refused = deployment.facts["conditions"].get("ReplicaFailure", {})
    if found is None and refused.get("status") == "True":
        return Diagnosis(PodReason.PODS_REFUSED, f"pods cannot be created: {refused['message']}")
    return found


def _timed_out(deployment: Child | None) -> str:
    if deployment is None or deployment.facts["observedGeneration"] < deployment.generation:
        return ""
    progressing = deployment.facts["conditions"].get("Progressing", {})
    return progressing.get("message", "") if progressing.get("reason") == "ProgressDeadlineExceeded" else ""


def _summary(findings: Sequence[Finding]) -> str:
    first = findings[0].message
    return first if len(findings) == 1 else f"{first} (and {len(findings) - 1} more in status.findings)"
