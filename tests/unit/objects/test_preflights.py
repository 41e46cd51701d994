"""What is kept of preflights, from their Jobs and pods as the API server serves them."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_contract.paths import CHECK
from llamastack_operator.objects.fields import UnreadableError
from llamastack_operator.objects.preflights import (
    PreflightJob,
    PreflightPod,
    preflight_job_from,
    preflight_pod_from,
)

METADATA = {
    "namespace": "team-a",
    "name": "bot-preflight-0123456789",
    "uid": "5d2c",
    "resourceVersion": "4711",
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"llamastack.dev/preflight": "bot"},
    "annotations": {"llamastack.dev/revision": "0123456789abcdef"},
    "ownerReferences": [{"kind": "LlamaStack", "name": "bot", "uid": "stack", "controller": True}],
}


def job(**status: Any) -> PreflightJob:
    return preflight_job_from({"metadata": METADATA, "spec": {}, "status": status})


def pod(spec: dict[str, Any], **status: Any) -> PreflightPod:
    return preflight_pod_from({"metadata": METADATA, "spec": spec, "status": status})


class TestJob:
    def test_that_runs(self) -> None:
        assert job(active=1) == PreflightJob(
            key=("team-a", "bot-preflight-0123456789"),
            group="bot",
            uid="5d2c",
            version=4711,
            owner_uid="stack",
            revision="0123456789abcdef",
            created="2026-01-02T03:04:05Z",
            ended=None,
        )

    @pytest.mark.parametrize("kind", ["Complete", "Failed"])
    def test_that_ended(self, kind: str) -> None:
        condition = {"type": kind, "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
        meant = {"type": "SuccessCriteriaMet", "status": "True", "reason": "a", "message": "b"}
        assert job(conditions=[meant, condition]).ended == ("DeadlineExceeded", "too long")

    def test_that_may_end(self) -> None:
        assert job(conditions=[{"type": "Failed", "status": "False"}]).ended is None

    def test_that_is_none_of_the_api_is_refused(self) -> None:
        with pytest.raises(UnreadableError):
            preflight_job_from({"metadata": {**METADATA, "annotations": {"llamastack.dev/revision": 3}}})


class TestPod:
    def test_that_no_node_took(self) -> None:
        words = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
        found = pod({"containers": [{"name": CHECK}]}, conditions=[words])
        assert (found.placed, found.unschedulable, found.check) == (False, "0/3 nodes", None)
        assert (found.group, found.job_uid, found.key) == ("bot", "stack", ("team-a", "bot-preflight-0123456789"))

    def test_whose_check_ended(self) -> None:
        ended = {"reason": "Error", "exitCode": 1, "finishedAt": "2026-01-02T03:04:09Z", "message": "it says so"}
        entries = [
            {"name": "istio-proxy", "state": {"terminated": {**ended, "message": "no"}}},
            {"name": CHECK, "ready": False, "restartCount": 0, "imageID": "", "state": {"terminated": ended}},
        ]
        found = pod({"nodeName": "n", "containers": [{"name": CHECK}]}, containerStatuses=entries)
        assert found.placed
        assert found.check is not None
        assert found.check.said == "it says so"
        assert found.check.container.ended == ("Error", 1, "2026-01-02T03:04:09Z")

    def test_that_says_more_than_kubernetes_keeps_is_bounded(self) -> None:
        ended = {"exitCode": 1, "message": "x" * 100_000}
        entry = {"name": CHECK, "state": {"terminated": ended}}
        found = pod({"nodeName": "n"}, containerStatuses=[entry])
        assert found.check is not None
        assert len(found.check.said) == 4096
