"""Translates what the API server says against an object of ours into the words of the stack's own spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.controller.stack.origins import origin
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.kube.apply import ContendedError
from llamastack_operator.kube.client import ApiError
from llamastack_resolver.findings import Finding, Findings

_CONTENDED = {
    "spec.replicas": "Set spec.server.autoscaling instead of an autoscaler of another kind or of your own.",
}
REFUSALS = (400, 403, 422)
"""Statuses by which an API server, its policies among it, says that it does not take an object."""
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
    if error.code not in REFUSALS:
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


def contention_findings(error: ContendedError, spec: Mapping[str, Any]) -> list[Finding]:
    """Return what is to be said where somebody else changes an object again and again.

    Args:
        error: the object, and who changes it.
        spec: the spec of the stack as the API has it.
    """
    kind, name, rival = error.resource.kind, error.key[1], error.contender
    path, hint = "spec", ApplyReason.CONTENDED.declaration.cure
    if rival.deletes:
        told = f"somebody deletes {kind} {name!r} again and again; it is made anew once a minute"
    elif rival.field:
        path = origin(kind, rival.field, spec) or path
        hint = _CONTENDED.get(rival.field, hint)
        told = (
            f"{rival.manager!r} changes {rival.field} of {kind} {name!r} again and again; it is set back once a minute"
        )
    else:
        who = "another LlamaStack operator, or another version of it," if rival.renders else "somebody"
        told = f"{who} changes {kind} {name!r} again and again; it is set back once a minute"
    findings = Findings()
    findings.error(ApplyReason.CONTENDED, told, path, hint=hint)
    return list(findings)


def contested_status() -> list[Finding]:
    """Return what is to be said where somebody else writes the status of a stack again and again."""
    findings = Findings()
    told = "another LlamaStack operator, or somebody else, writes the status of this stack again and again"
    findings.error(ApplyReason.CONTENDED, told, "status", hint=ApplyReason.CONTENDED.declaration.cure)
    return list(findings)
