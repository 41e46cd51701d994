"""Translates what the API server says against an object of ours into the words of the stack's own spec."""

from __future__ import annotations

import re

from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.kube.client import ApiError
from llamastack_resolver.findings import Finding, Findings

_REFUSED = "Correct the field; the object is applied again as soon as the stack changes, and with backoff."
_POD = r"spec\.template\.spec\."
_CONTAINER = _POD + r"containers\[0\]\."
# Where a field of a child comes from. Pattern on "Kind field" -> field of the LlamaStack; the rest is carried over.
_ORIGINS = (
    (rf"Deployment {_CONTAINER}(resources|env|envFrom)", r"spec.server.\1"),
    (rf"Deployment {_CONTAINER}volumeMounts", "spec.server.podTemplate.volumeMounts"),
    (rf"Deployment {_CONTAINER}(startup|readiness|liveness)Probe", r"spec.server.probes.\1"),
    (rf"Deployment {_CONTAINER}image", "spec.distribution.image"),
    (rf"Deployment {_POD}volumes", "spec.server.podTemplate.volumes"),
    (
        rf"Deployment {_POD}(affinity|tolerations|nodeSelector|topologySpreadConstraints|imagePullSecrets"
        r"|serviceAccountName)",
        r"spec.server.\1",
    ),
    (
        rf"Deployment {_POD}(priorityClassName|runtimeClassName|securityContext)",
        r"spec.server.podTemplate.\1",
    ),
    (r"Deployment spec\.template\.(metadata|labels|annotations)", "spec.server.podTemplate.metadata"),
    (r"Deployment (metadata\.)?labels", "spec.server.podTemplate.metadata.labels"),
    (r"Service spec", "spec.network.service"),
    (r"Service metadata\.annotations", "spec.network.service.annotations"),
    (r"PersistentVolumeClaim spec\.resources\.requests\.storage", "spec.server.storage.size"),
    (r"PersistentVolumeClaim spec", "spec.server.storage"),
    (r"HorizontalPodAutoscaler spec", "spec.server.autoscaling"),
    (r"PodDisruptionBudget spec", "spec.server.podDisruptionBudget"),
)


def rejection_findings(kind: str, name: str, error: ApiError) -> list[Finding]:
    """Return a finding for each cause of a refusal.

    Args:
        kind: the kind of the refused object.
        name: its name.
        error: the API server's answer.
    """
    findings = Findings()
    if error.code not in (400, 403, 422):
        message = f"{kind} {name!r} could not be applied: {error.message}"
        hint = "It is tried again with backoff; where this lasts, look at the API server."
        findings.error(ApplyReason.APPLY_FAILED, message, "spec", hint=hint)
        return list(findings)
    for field, message in error.causes or [("", error.message)]:
        place, path = f" at {field}" if field else "", origin(kind, field) or "spec"
        message = f"the API server refused {kind} {name!r}{place}: {message}"
        findings.error(ApplyReason.REJECTED, message, path, hint=_REFUSED)
    return list(findings)


def origin(kind: str, field: str) -> str | None:
    """Return the field of the LlamaStack that a field of a child was made from, or None where it is ours."""
    for pattern, target in _ORIGINS:
        match = re.match(pattern, f"{kind} {field}")
        if match:
            rest = f"{kind} {field}"[match.end() :]
            return match.expand(target) + rest
    return None
