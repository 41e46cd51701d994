"""Makes pods whose start check has said something, or nothing, and stacks of them with what their status says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.status import LlamaStackStatus
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod, digest_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.reading import Provider, ProviderState
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from tests.support.conditions import NOW
from tests.support.world import FINE, REVISION, deployment, llamastack, pod, snapshot, with_facts

FINISHED = "2026-01-01T00:00:05Z"
PATH = "providers.inference[0]"
AT = f"spec.runConfig.{PATH}"
ROW = Provider("inference", "a", "remote::vllm", "mine==1.0", ProviderState.UNKNOWN, "it is looked at where", True)
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
    image_id: str = "",
    **more: Any,
) -> Pod:
    """Return a pod whose check has ended with these words.

    Args:
        said: its report, or another text.
        name: the pod's name.
        finished: when it ended.
        stops: whether it keeps the server from starting; default: where its report says that it failed.
        revision: the revision of the pod.
        image_id: the image that its node ran.
        more: of the pod.
    """
    failed = isinstance(said, str) or said.verdict == "Failed"
    code = int(failed if stops is None else stops)
    message = said if isinstance(said, str) else said.to_text()
    ended = {"reason": "Error" if code else "Completed", "exitCode": code, "finishedAt": finished, "message": message}
    entry = {"state": {"terminated": ended}, "ready": code == 0, "imageID": image_id}
    return pod_with_check(entry, name, revision, **more)


def pod_with_check(status: dict[str, Any], name: str = "bot-new-1", revision: str = REVISION, **more: Any) -> Pod:
    """Return a pod whose check has this container status."""
    entry = {"name": CHECK, "ready": False, "restartCount": 0, "imageID": "", "state": {}, **status}
    return pod(name, revision, initContainerStatuses=[entry], **more)


def reporting(
    image: str, release: str = "0.7.3", specs: str = "", digest: str = "", name: str = "bot-new-1", **more: Any
) -> Pod:
    """Return a pod whose check has found a release in its image.

    Args:
        image: the image that it was made with.
        release: the release that it reports.
        specs: what it reports of that.
        digest: the digest that its node ran; default: that of the image.
        name: the pod's name.
        more: of `checked`.
    """
    said = replace(report(), release=release, specs=specs)
    return checked(said, name, image_id=f"somewhere.example/mine@{digest or digest_of(image)}", image=image, **more)


def starting(**counts: Any) -> Child:
    """Return a Deployment whose pods check themselves, and of which none serves."""
    return deployment(**{"available": 0, "program": "0" * 64, **counts})


def serving(**counts: Any) -> Child:
    """Return a Deployment whose pods checked themselves and serve."""
    return deployment(**{"program": "0" * 64, **counts})


def seen(
    *members: Child | Pod, row: Provider | None = ROW, status: dict[str, Any] | None = None, **spec: Any
) -> Snapshot:
    """Return a stack with one provider, of which only its package can tell more, and its members."""
    rows = () if row is None else (row,)
    return with_facts(snapshot(llamastack(status=status, **spec), *members), reading=replace(FINE, providers=rows))


def status(stack: Snapshot, outcome: PassOutcome | None = None) -> dict[str, Any]:
    """Return a status, which is one that the API server takes."""
    made = status_of(stack, outcome or PassOutcome(), NOW)
    LlamaStackStatus.model_validate(made)
    return made


def answer(made: dict[str, Any], kind: str) -> tuple[str, str]:
    """Return status and reason of a condition of a status."""
    return next((one["status"], one["reason"]) for one in made["conditions"] if one["type"] == kind)


MISSING = report(found("error", "MissingMethod", "Mine.rerank is missing (Inference)"), state="NonCompliant")
REFUSED = report(found("error", "InstantiationFailed", "ConnectionError: refused"), state="Failed")
