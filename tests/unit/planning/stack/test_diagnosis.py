"""Why pods do not serve, as read from their status, and never from their logs."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.planning.stack.diagnosis import diagnose
from tests.support.world import crashed, pod


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(reason: str, code: int, restarts: int = 0) -> dict[str, Any]:
    return {"restartCount": restarts, "state": {"terminated": {"reason": reason, "exitCode": code}}}


def unschedulable(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition], "containerStatuses": []}


CONTAINERS = [
    (
        waiting("ImagePullBackOff", 'Back-off pulling image "nowhere/x"'),
        "ImagePullFailed",
        'pod bot-1: container server cannot pull its image: ImagePullBackOff: Back-off pulling image "nowhere/x"',
    ),
    (waiting("InvalidImageName"), "ImagePullFailed", "container server cannot pull its image: InvalidImageName"),
    (
        waiting("CreateContainerConfigError", "secret not found"),
        "ContainerConfigFailed",
        "container server cannot be made: CreateContainerConfigError: secret not found",
    ),
    (
        ended("OOMKilled", 137, restarts=2),
        "OutOfMemory",
        "container server was killed for exceeding its memory limit (exit code 137), 2 restarts",
    ),
    (crashed(restarts=3, code=1), "CrashLooping", "container server ended with exit code 1 (Error), 3 restarts"),
    (crashed(restarts=1, code=2), "CrashLooping", "exit code 2 (Error), 1 restart"),
    (ended("Error", 1), "StartupFailed", "container server ended with exit code 1 (Error), 0 restarts"),
    (ended("Completed", 0, restarts=1), "CrashLooping", "ended with exit code 0 (Completed), 1 restart"),
    (ended("", 3), "StartupFailed", "ended with exit code 3 (no reason)"),
]


@pytest.mark.parametrize(("container", "reason", "message"), CONTAINERS)
def test_a_container_that_does_not_serve_is_told_with_its_cause(
    container: dict[str, Any], reason: str, message: str
) -> None:
    found = diagnose([pod("bot-1", container=container)])
    assert found is not None
    assert found.reason == reason
    assert message in found.message


def test_an_out_of_memory_kill_is_told_while_the_container_waits_for_its_next_start() -> None:
    found = diagnose([pod(container=crashed(code=137, reason="OOMKilled"))])
    assert found is not None
    assert found.reason == "OutOfMemory"


@pytest.mark.parametrize(
    "container",
    [
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        {"state": {"running": {}}},
        {"state": {}},
    ],
)
def test_a_container_on_its_way_up_is_no_trouble(container: dict[str, Any]) -> None:
    assert diagnose([pod(container=container)]) is None


def test_a_container_that_is_ready_again_is_no_trouble_any_more() -> None:
    recovered = {"restartCount": 1, "state": {"running": {}}, "lastState": crashed()["lastState"]}
    assert diagnose([pod(ready=True, container=recovered)]) is None


def test_a_container_that_starts_again_after_a_crash_is_told_with_its_last_end() -> None:
    starting = {"restartCount": 1, "state": {"running": {}}, "lastState": crashed(code=4)["lastState"]}
    found = diagnose([pod(container=starting)])
    assert found is not None
    assert "exit code 4" in found.message


def test_the_words_of_the_scheduler_are_told() -> None:
    found = diagnose([pod("bot-1", **unschedulable("0/3 nodes are available: 3 Insufficient memory."))])
    assert found is not None
    assert found.reason == "Unschedulable"
    assert found.message == "pod bot-1 cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory."


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Evicted", "message": "The node was low on memory."}, "Evicted: The node was low on memory."),
        ({}, "no reason was given"),
    ],
)
def test_an_evicted_pod_is_told_with_the_kubelets_words(status: dict[str, str], words: str) -> None:
    found = diagnose([pod("bot-1", phase="Failed", containerStatuses=[], **status)])
    assert found is not None
    assert found.message == f"pod bot-1 failed: {words}"


def test_a_pod_on_its_way_out_is_no_trouble() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert diagnose([pod(container=crashed(), metadata=going)]) is None


def test_no_pods_are_no_trouble() -> None:
    assert diagnose([]) is None


class TestSeveral:
    def test_the_trouble_to_act_on_comes_first_and_the_others_are_counted(self) -> None:
        pods = [
            pod("bot-1", **unschedulable("no node")),
            pod("bot-2", container=crashed()),
            pod("bot-3", container=waiting("ErrImagePull", "not found")),
        ]
        found = diagnose(pods)
        assert found is not None
        assert found.reason == "ImagePullFailed"
        assert found.message.endswith("not found (and 2 more)")

    def test_their_order_does_not_matter(self) -> None:
        pods = [pod(f"bot-{n}", container=crashed(code=n)) for n in (1, 2, 3)]
        assert diagnose(pods) == diagnose(reversed(pods))


def test_what_a_container_wrote_is_never_told() -> None:
    """With the policy FallbackToLogsOnError the kubelet puts the end of the log, secrets and all, into the status."""
    container = crashed()
    container["lastState"]["terminated"]["message"] = "hf_token=SECRET"
    container["state"]["waiting"]["message"] = "back-off SECRET"
    found = diagnose([pod(container=container)])
    assert found is not None
    assert "SECRET" not in found.message
