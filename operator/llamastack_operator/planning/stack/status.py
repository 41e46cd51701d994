"""Computes the status of a stack. Pure: what is there, what was planned and what happened in; the status out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.conditions import ConditionType, Verdict, set_conditions
from llamastack_operator.api.labels import selector_labels
from llamastack_operator.api.status import FindingStatus
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.bounds import within_bounds
from llamastack_operator.planning.stack.health_rows import with_health
from llamastack_operator.planning.stack.image_report import image_report
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.preflight import kept
from llamastack_operator.planning.stack.provider_rows import known_providers, provider_row, resolved_of, unlisted_of
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck, check_of_newest, last_check
from llamastack_operator.planning.stack.verdicts import verdicts
from llamastack_operator.workloads.names import SERVER, server_port
from llamastack_resolver.findings import Findings
from llamastack_resolver.releases import Release, UnknownReleaseError


def status_of(snapshot: Snapshot, outcome: PassOutcome, now: str) -> dict[str, Any]:
    """Return the whole status of a stack.

    Args:
        snapshot: the stack and its objects, as they are after the pass.
        outcome: what the pass found and did.
        now: the time of the pass (RFC 3339), for conditions that change.
    """
    stack = snapshot.stack
    deployment = snapshot.deployment
    last, image = last_check(snapshot), image_report(snapshot, outcome.applied)
    check = check_of_newest(snapshot, outcome.held)
    found = check.beside(outcome.findings) if check is not None else outcome.findings
    findings = [FindingStatus.of(finding).to_wire() for finding in (*found, *_image_findings(snapshot))]
    namespace, name = stack.key
    providers = known_providers(snapshot, check)
    answers = verdicts(snapshot, outcome, check, providers)
    url = f"http://{name}.{namespace}.svc:{server_port(stack.spec)}" if stack.spec and snapshot.service else None
    status = {
        "observedGeneration": stack.generation,
        "conditions": set_conditions(stack.status, answers, stack.generation, now),
        "url": url,
        "image": serving_image(snapshot) or stack.status.get("image"),
        "release": (outcome.release or _found_release(check)) if outcome.asked else stack.status.get("release"),
        "buildRef": _build_ref(snapshot),
        "providers": with_health([provider_row(one, snapshot) for one in providers], snapshot, outcome.health),
        "omittedProviders": unlisted_of(providers),
        "providersResolved": resolved_of(providers),
        "startCheck": last.to_wire() if last is not None else None,
        "imageReport": image.to_wire() if image is not None else None,
        "preflight": _preflight(snapshot, outcome),
        "servedInputs": _served_inputs(snapshot, answers),
        "replicas": deployment.replicas if deployment else 0,
        "readyReplicas": deployment.ready if deployment else 0,
        "selector": ",".join(f"{key}={value}" for key, value in selector_labels(name).items()),
        "findings": findings,
        "omittedFindings": snapshot.facts.reading.omitted + (check.omitted if check is not None else 0),
    }
    return within_bounds({key: value for key, value in status.items() if value not in (None, "", [])})


def _found_release(check: LastCheck | None) -> str | None:
    """Return the version that pods of the newest generation found in their image, for a server that does not tell."""
    try:
        return Release.parse(check.report.release).version if check is not None else None
    except UnknownReleaseError:
        return None


def _preflight(snapshot: Snapshot, outcome: PassOutcome) -> dict[str, Any] | None:
    """Return the preflight that counts: it is made once, so an error of a pass does not make it forgotten.

    Of the revision that was rolled out one that let it go on is still worth knowing.
    """
    if outcome.preflight is not None:
        return outcome.preflight.to_wire()
    before, deployment = kept(snapshot.stack.status), snapshot.deployment
    if before is None:
        return None
    rolled_out = deployment is not None and deployment.revision == before.revision and not before.holds
    return before.to_wire() if rolled_out or not outcome.applied else None


def _served_inputs(snapshot: Snapshot, answers: Mapping[ConditionType, Verdict]) -> str | None:
    """Return the inputs that served last: those of now, where pods of the newest generation are ready."""
    replicas = snapshot.deployment.ready if snapshot.deployment else 0
    if answers[ConditionType.READY].status == "True" and replicas:
        return snapshot.facts.reading.digest or None
    return snapshot.stack.status.get("servedInputs")


def serving_image(snapshot: Snapshot) -> str | None:
    """Return the image of the serving pods by digest, the newest pod's first."""
    ready = sorted((pod for pod in snapshot.pods if pod.ready), key=lambda pod: pod.created, reverse=True)
    servers = [container for pod in ready for container in pod.containers if container.name == SERVER]
    images = [server.image for server in servers if "@" in server.image]
    return images[0] if images else None


def _image_findings(snapshot: Snapshot) -> Findings:
    """Return a failed build as a finding, at what it is about, with what to do."""
    image, findings = snapshot.image, Findings()
    if image is None or image.ready or image.reason in (ImageReason.QUEUED, ImageReason.BUILDING):
        return findings
    path = image.places[0] if image.places else "spec.build"
    findings.error(image.reason, image.message, path, hint=image.hint or image.reason.declaration.cure)
    return findings


def _build_ref(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the build that the stack runs or waits for; an error in the spec does not make the last one forgotten."""
    image = snapshot.image
    if image is None:
        return snapshot.stack.status.get("buildRef")
    return {"name": image.current} if image.current else None
