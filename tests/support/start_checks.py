"""Makes pods whose start check has said something, or nothing."""

from __future__ import annotations

from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from tests.support.world import REVISION, deployment, pod

FINISHED = "2026-01-01T00:00:05Z"
PATH = "providers.inference[0]"
READY = ReportedProvider("inference", "a", "remote::vllm", "Ready")


def found(severity: Any, reason: str, message: str = "it is so", path: str = PATH, **more: str) -> ReportedFinding:
    """Return what a check found out about the provider `a` of `inference`."""
    return ReportedFinding(severity, reason, path, message, **{"api": "inference", "provider": "a", **more})


def report(*findings: ReportedFinding, state: Any = "Ready", started: bool = True) -> StartReport:
    """Return a report about the provider `a`: one that failed where a finding is an error."""
    verdict: Any = "Failed" if any(one.severity == "error" for one in findings) else "Passed"
    provider = ReportedProvider("inference", "a", "remote::vllm", state)
    return StartReport.of(verdict, "0.7.3", findings, (provider,), started)


def checked(
    said: StartReport | str,
    name: str = "bot-new-1",
    finished: str = FINISHED,
    stops: bool | None = None,
    revision: str = REVISION,
    **more: Any,
) -> Pod:
    """Return a pod whose check has ended with these words.

    Args:
        said: its report, or another text.
        name: the pod's name.
        finished: when it ended.
        stops: whether it keeps the server from starting; default: where its report says that it failed.
        revision: the revision of the pod.
        more: of the pod.
    """
    failed = isinstance(said, str) or said.verdict == "Failed"
    code = int(failed if stops is None else stops)
    message = said if isinstance(said, str) else said.to_text()
    ended = {"reason": "Error" if code else "Completed", "exitCode": code, "finishedAt": finished, "message": message}
    return pod_with_check({"state": {"terminated": ended}, "ready": code == 0}, name, revision, **more)


def pod_with_check(status: dict[str, Any], name: str = "bot-new-1", revision: str = REVISION, **more: Any) -> Pod:
    """Return a pod whose check has this container status."""
    entry = {"name": CHECK, "ready": False, "restartCount": 0, "imageID": "", "state": {}, **status}
    return pod(name, revision, initContainerStatuses=[entry], **more)


def starting(**counts: Any) -> Child:
    """Return a Deployment whose pods check themselves, and of which none serves."""
    return deployment(**{"available": 0, "program": "0" * 64, **counts})


def serving(**counts: Any) -> Child:
    """Return a Deployment whose pods checked themselves and serve."""
    return deployment(**{"program": "0" * 64, **counts})
