"""Translates what the API server says against an object of ours into the words of the stack's own spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.controller.stack.origins import origin
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.kube.client import ApiError
from llamastack_resolver.findings import Finding, Findings

_REFUSED = "Correct the field; the object is applied again as soon as the stack changes, and with backoff."


def rejection_findings(kind: str, name: str, error: ApiError, spec: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each cause of a refusal.

    Args:
        kind: the kind of the refused object.
        name: its name.
        error: the API server's answer.
        spec: the spec of the stack as the API has it.
    """
    findings = Findings()
    if error.code not in (400, 403, 422):
        message = f"{kind} {name!r} could not be applied: {error.message}"
        hint = "It is tried again with backoff; where this lasts, look at the API server."
        findings.error(ApplyReason.APPLY_FAILED, message, "spec", hint=hint)
        return list(findings)
    told = set()
    # The check has what the server has, and is refused for the same: of the two the server is told.
    for field, words in sorted(error.causes or [("", error.message)], key=lambda cause: "initContainers" in cause[0]):
        place, path = f" at {field}" if field else "", origin(kind, field, spec) or "spec"
        if path != "spec" and (path, words) in told:
            continue
        told.add((path, words))
        message = f"the API server refused {kind} {name!r}{place}: {words}"
        findings.error(ApplyReason.REJECTED, message, path, hint=_REFUSED)
    return list(findings)
