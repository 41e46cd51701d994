"""The rules by which Flux, kpt and others read the health of any object (cli-utils, pkg/kstatus)."""

from __future__ import annotations

from typing import Any


def kstatus(body: Any) -> str:
    """Return Terminating, InProgress, Failed or Current, as kstatus computes it for a custom resource."""
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    status = body.get("status") or {}
    if "observedGeneration" in status and status["observedGeneration"] != body["metadata"]["generation"]:
        return "InProgress"
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    if conditions.get("Ready") in ("False", "Unknown"):
        return "InProgress"
    return "Current"
