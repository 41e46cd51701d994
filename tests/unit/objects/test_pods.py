"""What is kept of pods, from pods as the API server serves them."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import ReportedFinding, StartReport
from llamastack_operator.objects.pods import ContainerState, Pod, pod_from, pulled

MADE_BY = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bot-6d4f8b9c7", "uid": "7a1b", "controller": True}
METADATA = {
    "namespace": "team-a",
    "name": "bot-6d4f8b9c7-x2x5z",
    "generateName": "bot-6d4f8b9c7-",
    "uid": "5d2c",
    "resourceVersion": "4711",
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"llamastack.dev/stack": "bot", "pod-template-hash": "6d4f8b9c7"},
    "annotations": {"llamastack.dev/revision": "0123456789abcdef"},
    "ownerReferences": [MADE_BY],
}
IMAGE_ID = "registry.example/starter@sha256:" + "a" * 64


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    words = {"reason": reason, "message": message} if reason else {}
    return {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": "2026-01-02T03:04:06Z",
        **words,
    }


def pod(status: dict[str, Any] | None = None, **metadata: Any) -> Pod:
    return pod_from({"metadata": {**METADATA, **metadata}, "spec": {"containers": []}, "status": status})


def container(**entry: Any) -> ContainerState:
    (only,) = pod({"containerStatuses": [{"name": "server", "ready": False, "restartCount": 0, **entry}]}).containers
    return only


class TestPod:
    def test_that_serves(self) -> None:
        running = {"running": {"startedAt": "2026-01-02T03:04:10Z"}}
        entry = {"name": "server", "ready": True, "restartCount": 0, "imageID": IMAGE_ID, "state": running}
        conditions = [condition("PodScheduled", "True"), condition("Ready", "True")]
        assert pod({"phase": "Running", "conditions": conditions, "containerStatuses": [entry]}) == Pod(
            key=("team-a", "bot-6d4f8b9c7-x2x5z"),
            group="bot",
            uid="5d2c",
            version=4711,
            revision="0123456789abcdef",
            created="2026-01-02T03:04:05Z",
            phase="Running",
            ready=True,
            deleting=False,
            unschedulable="",
            evicted="",
            containers=(ContainerState("server", True, 0, IMAGE_ID, None, None, True),),
        )

    @pytest.mark.parametrize(
        "owners",
        [
            None,
            [],
            [{**MADE_BY, "controller": False}],
            [{**MADE_BY, "name": "bot-second-6d4f8b9c7"}],
            [{**MADE_BY, "name": "bot"}],
            [{**MADE_BY, "name": "bot-"}],
            [{**MADE_BY, "name": "6d4f8b9c7"}],
            [{**MADE_BY, "kind": "Job"}],
            [{**MADE_BY, "apiVersion": "example.org/v1"}],
            [{key: value for key, value in MADE_BY.items() if key != "name"}],
        ],
    )
    def test_that_no_replica_set_of_its_stack_made_speaks_for_none(self, owners: Any) -> None:
        assert pod(ownerReferences=owners).group == ""

    def test_of_a_stack_whose_name_has_dashes_speaks_for_that_stack_alone(self) -> None:
        owners, labels = [{**MADE_BY, "name": "bot-second-6d4f8b9c7"}], {"llamastack.dev/stack": "bot-second"}
        assert pod(ownerReferences=owners, labels=labels).group == "bot-second"

    @pytest.mark.parametrize("status", [None, {}, {"conditions": None, "containerStatuses": None}])
    def test_that_was_just_made_has_no_state_at_all(self, status: Any) -> None:
        fresh = pod(status, annotations=None, labels=None)
        assert (fresh.phase, fresh.ready, fresh.containers) == ("Unknown", False, ())
        assert (fresh.group, fresh.revision) == ("", "")

    def test_that_no_node_takes_has_the_schedulers_words(self) -> None:
        words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        waiting = pod({"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", words)]})
        assert waiting.unschedulable == words

    def test_that_waits_for_its_gates_is_not_refused_by_nodes(self) -> None:
        gated = condition("PodScheduled", "False", "SchedulingGated", "Scheduling is blocked due to non-empty gates")
        assert pod({"phase": "Pending", "conditions": [gated]}).unschedulable == ""

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (
                {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
                "Evicted: The node was low on resource: memory.",
            ),
            ({"phase": "Failed", "reason": "NodeAffinity"}, "NodeAffinity"),
            ({"phase": "Failed", "message": "Pod was terminated."}, "Pod was terminated."),
        ],
    )
    def test_that_was_evicted_says_why(self, status: dict[str, Any], words: str) -> None:
        assert pod(status).evicted == words

    def test_on_its_way_out_is_told_by_its_deletion_time(self) -> None:
        assert pod({"phase": "Running"}, deletionTimestamp="2026-01-02T03:05:00Z").deleting

    def test_is_ready_only_by_its_condition(self) -> None:
        assert not pod({"conditions": [condition("Ready", "False", "ContainersNotReady", "x")]}).ready
        assert not pod({"conditions": [condition("Ready", "Unknown", "NodeLost", "x")]}).ready
        assert not pod({"conditions": [condition("ContainersReady", "True")]}).ready


class TestContainer:
    def test_that_cannot_pull_its_image_waits_for_a_reason(self) -> None:
        message = 'Back-off pulling image "registry.example/starter:0.7.3"'
        state = container(state={"waiting": {"reason": "ImagePullBackOff", "message": message}}, imageID="")
        assert state.waiting == ("ImagePullBackOff", message)
        assert (state.running, state.ended, state.image) == (False, None, "")

    def test_that_crashes_again_and_again_waits_and_remembers_its_last_end(self) -> None:
        ended = {"exitCode": 1, "reason": "Error", "startedAt": "x", "finishedAt": "2026-01-02T03:04:30Z"}
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container"}
        state = container(state={"waiting": waiting}, lastState={"terminated": ended}, restartCount=3)
        assert (state.waiting or ("",))[0] == "CrashLoopBackOff"
        assert state.ended == ("Error", 1, "2026-01-02T03:04:30Z")
        assert (state.restarts, state.running) == (3, False)

    def test_that_has_just_ended_tells_this_end_and_not_the_one_before(self) -> None:
        now = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-02T03:04:40Z"}
        before = {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-02T03:04:30Z"}
        state = container(state={"terminated": now}, lastState={"terminated": before})
        assert state.ended == ("OOMKilled", 137, "2026-01-02T03:04:40Z")
        assert state.waiting is None

    def test_that_runs_again_remembers_its_last_end(self) -> None:
        before = {"exitCode": 143, "reason": "Error", "finishedAt": "2026-01-02T03:04:30Z"}
        state = container(state={"running": {"startedAt": "x"}}, lastState={"terminated": before})
        assert state.running
        assert state.ended == ("Error", 143, "2026-01-02T03:04:30Z")

    @pytest.mark.parametrize(
        ("asked", "image_id", "found"),
        [
            ("ghcr.io/team/bot:1", "ghcr.io/team/bot@sha256:1", "ghcr.io/team/bot@sha256:1"),
            ("ghcr.io/team/bot:1", "localhost:5001/copy@sha256:1", "ghcr.io/team/bot@sha256:1"),
            ("localhost:5001/bot", "localhost:5001/bot@sha256:1", "localhost:5001/bot@sha256:1"),
            ("localhost:5001/bot:1@sha256:1", "ghcr.io/copy@sha256:1", "localhost:5001/bot@sha256:1"),
            ("bot:1", "docker.io/library/bot@sha256:1", "bot@sha256:1"),
            ("bot:1", "sha256:1", "sha256:1"),
            ("bot:1", "", ""),
        ],
    )
    def test_is_named_as_the_pod_asked_for_it(self, asked: str, image_id: str, found: str) -> None:
        """The runtime's name is another where a node holds the same content twice."""
        assert pulled(asked, image_id) == found

    @pytest.mark.parametrize("state", [{}, None])
    def test_of_which_nothing_is_known_neither_runs_nor_waits(self, state: Any) -> None:
        assert container(state=state, lastState={}) == ContainerState("server", False, 0, "", None, None, False)

    def test_that_waits_without_a_word_waits_all_the_same(self) -> None:
        assert container(state={"waiting": {"reason": "ContainerCreating"}}).waiting == ("ContainerCreating", "")
        assert container(state={"waiting": {"message": "soon"}}).waiting == ("", "soon")


class TestStartCheck:
    REPORT = StartReport.of("Failed", "0.7.3", (ReportedFinding("error", "MissingMethod", "providers", "no a()"),), ())

    def checked(self, **entry: Any) -> Pod:
        check = {"name": CHECK, "ready": False, "restartCount": 0, **entry}
        fetch = {"name": "llamastack-fetch", "ready": True, "restartCount": 0}
        return pod({"initContainerStatuses": [fetch, check], "containerStatuses": []})

    def ended(self, message: str) -> dict[str, Any]:
        return {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-02", "message": message}}

    @pytest.mark.parametrize("where", ["state", "lastState"])
    def test_is_read_from_where_it_ended_last(self, where: str) -> None:
        check = self.checked(**{where: self.ended(self.REPORT.to_text())}).check
        assert check is not None
        assert (check.report, check.finished) == (self.REPORT, "2026-01-02")

    def test_that_runs_has_said_nothing(self) -> None:
        check = self.checked(state={"running": {}}).check
        assert check is not None
        assert (check.report, check.finished, check.container.running) == (None, "", True)

    @pytest.mark.parametrize("message", ["", "Killed", "[" * 4000, '[2,"Failed","",[0,0,0,0],true,""]'])
    def test_that_left_no_report_of_ours_has_none(self, message: str) -> None:
        check = self.checked(state=self.ended(message)).check
        assert check is not None
        assert check.report is None
        assert check.container.ended == ("Error", 1, "2026-01-02")

    @pytest.mark.parametrize(
        ("asked", "image_id", "digest"),
        [
            ("mine:1", IMAGE_ID, "sha256:" + "a" * 64),
            ("mine:1", "docker://sha256:" + "b" * 64, "sha256:" + "b" * 64),
            ("mine:1", "", ""),
            ("mine:1", "mine@sha256:12", ""),
            ("mine@sha256:" + "c" * 64, IMAGE_ID, "sha256:" + "c" * 64),
        ],
    )
    def test_has_the_image_that_was_asked_for_and_its_digest(self, asked: str, image_id: str, digest: str) -> None:
        body = {
            "metadata": METADATA,
            "spec": {"initContainers": [{"name": CHECK, "image": asked}]},
            "status": {"initContainerStatuses": [{"name": CHECK, "imageID": image_id}]},
        }
        check = pod_from(body).check
        assert check is not None
        assert (check.asked, check.digest) == (asked, digest)

    def test_is_no_container_of_the_others(self) -> None:
        assert [one.name for one in self.checked().containers] == ["llamastack-fetch"]

    def test_of_a_pod_without_one_is_none(self) -> None:
        assert pod({"containerStatuses": []}).check is None
