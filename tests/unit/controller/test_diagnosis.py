"""Why a pod does not serve, read from its status."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.controller.diagnosis import diagnose
from llamastack_operator.kube.pods import Pod
from tests.unit.controller.build import crashed, pod

CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "an image that cannot be pulled": (
        {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}},
        "ImagePullFailed",
        "cannot pull its image: ImagePullBackOff: not found",
    ),
    "a missing key": (
        {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "a" not found'}}},
        "ContainerConfigFailed",
        'secret "a" not found',
    ),
    "too little memory": (crashed(2, 137, "OOMKilled"), "OutOfMemory", "memory limit (exit code 137), 2 restarts"),
    "a crash": (crashed(1, 3), "CrashLooping", "ended with exit code 3 (Error), 1 restart"),
    "a start that fails and claims success": (crashed(4, 0, "Completed"), "CrashLooping", "exit code 0 (Completed)"),
    "the first end": (
        {"restartCount": 0, "state": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": ""}}},
        "StartupFailed",
        "exit code 1 (Error), 0 restarts",
    ),
    "running again after a crash, not ready yet": (
        {**crashed(2), "state": {"running": {}}},
        "CrashLooping",
        "2 restarts",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_container_tells_why(case: str) -> None:
    container, reason, words = CASES[case]
    found = diagnose([pod(container=container)])
    assert found is not None
    assert found.reason == reason
    assert found.message.startswith("pod bot-new-1: container server")
    assert words in found.message


def test_a_pod_that_no_node_takes() -> None:
    words = "0/3 nodes are available: 3 Insufficient cpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    found = diagnose([pod(conditions=[scheduled])])
    assert found is not None and found.reason == "Unschedulable" and words in found.message


def test_an_evicted_pod() -> None:
    found = diagnose([pod(phase="Failed", reason="Evicted", message="The node was low on memory.")])
    assert found is not None and "Evicted: The node was low on memory." in found.message


def healthy() -> list[Pod]:
    return [
        pod(ready=True),
        pod(container={"state": {"running": {}}}),
        pod(container={"state": {"waiting": {"reason": "ContainerCreating"}}}),
    ]


def test_pods_that_serve_or_start_are_in_no_trouble() -> None:
    assert diagnose(healthy()) is None


def test_a_container_that_recovered_is_in_no_trouble() -> None:
    assert diagnose([pod(ready=True, container={**crashed(2), "state": {"running": {}}})]) is None


def test_pods_on_their_way_out_do_not_count() -> None:
    assert diagnose([pod(container=crashed(), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})]) is None


def test_the_worst_is_told_and_the_others_are_counted() -> None:
    pull = {"state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}}}
    found = diagnose([pod("b", container=crashed()), pod("a", container=pull), pod("c", container=crashed())])
    assert found is not None
    assert found.reason == "ImagePullFailed"
    assert found.message.endswith("(and 2 more)")


def test_the_termination_message_is_not_repeated() -> None:
    """It is the server's own output, which may hold secrets."""
    ended = {"reason": "Error", "exitCode": 1, "finishedAt": "", "message": "password=hunter2"}
    found = diagnose([pod(container={"restartCount": 1, "state": {"terminated": ended}})])
    assert found is not None and "hunter2" not in found.message
