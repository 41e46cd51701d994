"""What the status of a snapshot says, for tests that look at conditions."""

from __future__ import annotations

from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.findings import Finding, Reason, Severity
from tests.e2e.kstatus import kstatus

NOW = "2026-01-02T00:00:00Z"
EARLIER = "2026-01-01T00:00:00Z"


def told(seen: Snapshot, outcome: PassOutcome | None = None) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    status = status_of(seen, outcome or PassOutcome(), NOW)
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}


def message(seen: Snapshot, kind: str, outcome: PassOutcome | None = None) -> str:
    """Return the message of a condition."""
    status = status_of(seen, outcome or PassOutcome(), NOW)
    return next(entry["message"] for entry in status["conditions"] if entry["type"] == kind)


def health(seen: Snapshot, outcome: PassOutcome | None = None) -> str:
    """Return what kstatus makes of the status."""
    generation = seen.stack.generation
    return kstatus({"metadata": {"generation": generation}, "status": status_of(seen, outcome or PassOutcome(), NOW)})


def error(reason: Reason, text: str = "something is wrong") -> Finding:
    """Return a finding that stops a pass."""
    return Finding(Severity.ERROR, reason, text, "spec.server", hint="mend it")
