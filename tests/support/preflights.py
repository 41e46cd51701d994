"""Makes stacks whose volume forces Recreate, with a revision that is to be rolled out, and preflights of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import StartReport
from llamastack_operator.objects.preflights import (
    PreflightJob,
    PreflightPod,
    preflight_job_from,
    preflight_pod_from,
)
from llamastack_operator.planning.stack.facts import PreflightFacts
from llamastack_operator.planning.stack.plan import Plan, plan
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.start_checks import FINISHED, seen, serving
from tests.support.world import UID, pod

PROGRAM = StartProgram("b" * 64)
SETTINGS = WorkloadSettings(program=PROGRAM)
STORAGE = {"storage": {"size": "1Gi"}}
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def held(*members: Any, status: dict[str, Any] | None = None, **spec: Any) -> Snapshot:
    """Return a stack with a claim whose pods of an older revision serve, unless it is given other members."""
    there = members or (serving(revision="old"), pod("bot-old-1", "old", ready=True))
    return seen(*there, status=status, **{"server": STORAGE, **spec})


def decided(stack: Snapshot) -> Plan:
    """Return what is planned for a stack by an operator that has its pods checked."""
    return plan(stack, SETTINGS)


def asked(stack: Snapshot) -> dict[str, Any]:
    """Return the Job that is asked for."""
    preflight = decided(stack).preflight
    assert preflight is not None
    assert preflight.job is not None
    return dict(preflight.job)


def job(stack: Snapshot, owner: str = UID, **status: Any) -> PreflightJob:
    """Return the Job that is asked for, as it was made."""
    body = asked(stack)
    (reference,) = body["metadata"]["ownerReferences"]
    known = {"uid": "job", "resourceVersion": "9", "creationTimestamp": "2026-01-01T00:00:00Z"}
    metadata = {**body["metadata"], **known, "ownerReferences": [{**reference, "uid": owner}]}
    return preflight_job_from({**body, "metadata": metadata, "status": status})


def its_pod(
    said: StartReport | str | None = None, code: int | None = None, placed: bool = True, **status: Any
) -> PreflightPod:
    """Return the pod of that Job; its check has ended where it said something."""
    failed = isinstance(said, str) or (said is not None and said.verdict == "Failed")
    exit_code = int(failed) if code is None else code
    text = said.to_text() if isinstance(said, StartReport) else said
    ended = {"reason": "Error" if exit_code else "Completed", "exitCode": exit_code, "finishedAt": FINISHED}
    state = {"running": {}} if said is None else {"terminated": {**ended, "message": text}}
    entry = {"name": CHECK, "ready": False, "restartCount": 0, "imageID": "", "state": state}
    body = {
        "metadata": {
            "namespace": "team-a",
            "name": "bot-preflight-1",
            "uid": "pod",
            "resourceVersion": "10",
            "labels": {"llamastack.dev/preflight": "bot"},
            "ownerReferences": [{"kind": "Job", "name": "a", "uid": "job", "controller": True}],
        },
        "spec": {"containers": [{"name": CHECK}], **({"nodeName": "n"} if placed else {})},
        "status": {"phase": "Running", **({"containerStatuses": [entry]} if placed else {}), **status},
    }
    return preflight_pod_from(body)


def with_preflight(
    stack: Snapshot, made: PreflightJob | None, of_it: PreflightPod | None = None, after: float = 5.0
) -> Snapshot:
    """Return a stack with a preflight, so many seconds after it was made."""
    jobs = () if made is None else (made,)
    pods = () if of_it is None else (of_it,)
    facts = PreflightFacts(jobs, pods, MADE + timedelta(seconds=after))
    return replace(stack, facts=replace(stack.facts, preflights=facts))


def preflighted(said: StartReport | str | None, **spec: Any) -> Snapshot:
    """Return a stack whose preflight said something, or runs."""
    stack = held(**spec)
    return with_preflight(stack, job(stack), its_pod(said))
