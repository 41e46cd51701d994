"""Translates what the API server says against an object of ours into the words of the stack's own spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.conditions import Reason
from llamastack_operator.api.status import Finding
from llamastack_operator.controller.stack.origins import origin
from llamastack_operator.kube.client import ApiError


def rejection_findings(kind: str, name: str, error: ApiError, spec: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each cause of a refusal.

    Args:
        kind: the kind of the refused object.
        name: its name.
        error: the API server's answer.
        spec: the spec of the stack as the API has it.
    """
    if error.code not in (400, 403, 422):
        message = f"{kind} {name!r} could not be applied: {error.message}"
        return [Finding(severity="error", reason=Reason.APPLY_FAILED, message=message)]
    causes = error.causes or [("", error.message)]
    return [_finding(kind, name, field, message, origin(kind, field, spec)) for field, message in causes]


def _finding(kind: str, name: str, field: str, message: str, path: str | None) -> Finding:
    place = f" at {field}" if field else ""
    return Finding(
        severity="error",
        reason=Reason.REJECTED,
        message=f"the API server refused {kind} {name!r}{place}: {message}",
        path=path,
        hint="Correct the field; the object is applied again as soon as the stack changes, and with backoff.",
    )
