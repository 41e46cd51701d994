"""One pass of one build: what is asked of the API server, in which order, and what a second pass finds.

The server is a fake (see `tests/support/build_scene.py`). A real one is in tests/e2e/test_builds.py, and real pods in
tests/e2e/test_build_failures.py.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from llamastack_operator.controller.build import reconcile
from llamastack_operator.kube.client import ApiError
from llamastack_operator.objects.builds import BuildRecord, build_from
from llamastack_operator.workloads.build_job import text_digest
from tests.support.build_attempts import SETTINGS, build, ended, job_of, pod_of
from tests.support.build_scene import KEY, Scene, named
from tests.support.records import RECORD


def of_bot(
    name: str, finished: str, digest: str, repository: str = "registry.example/bot", **status: Any
) -> BuildRecord:
    """Return a build of the stack `bot` that succeeded."""
    done = named(name, phase="Succeeded", finishedAt=finished, digest=digest, **status)
    spec = replace(done.spec, inputs=replace(done.spec.inputs, repository=repository))
    return replace(done, spec=spec, owners=({"uid": "bot"},))


class TestImageBefore:
    """Layers of the newest image that the same stack has in the same repository need not be packed again."""

    def before(self, *others: BuildRecord) -> Any:
        scene = Scene(replace(build(), owners=({"uid": "bot"},)))
        for other in others:
            scene.know(other)
        scene.passes()
        return json.loads(scene.server.objects["ConfigMap", "modules-a-1"]["data"]["build.json"])["before"]

    def test_is_the_newest_of_the_repository(self) -> None:
        one, two, three = (f"sha256:{letter * 64}" for letter in "123")
        others = [
            of_bot("modules-1", "2026-01-01T00:00:00Z", one),
            of_bot("modules-2", "2026-01-02T00:00:00Z", two),
            of_bot("modules-3", "2026-01-03T00:00:00Z", three, "registry.example/elsewhere"),
        ]
        assert self.before(*others) == two

    def test_is_none_of_another_stack(self) -> None:
        other = of_bot("modules-1", "2026-01-01T00:00:00Z", f"sha256:{'1' * 64}")
        assert self.before(replace(other, owners=({"uid": "other"},))) is None

    def test_is_none_of_a_build_that_did_not_succeed(self) -> None:
        other = of_bot("modules-1", "2026-01-01T00:00:00Z", f"sha256:{'1' * 64}")
        assert self.before(replace(other, status=replace(other.status, phase="Failed"))) is None


class TestStart:
    def test_makes_the_inputs_the_job_and_the_status_in_this_order(self) -> None:
        """An operator that is killed in between finds what it made; a status first would name a Job that is not."""
        scene = Scene(build())
        assert scene.passes() is not None
        assert scene.writes == [
            ("create", "ConfigMap", "modules-a-1"),
            ("create", "Job", "modules-a-1"),
            ("apply", "LlamaStackBuild/status", "modules-a"),
        ]
        assert scene.server.status()["phase"] == "Building"
        assert scene.told == ["Building"]

    def test_is_known_before_any_watch_tells_of_its_job(self) -> None:
        """The next pass comes at once; the Job's event may come later."""
        scene = Scene(build())
        scene.passes(2)
        assert scene.server.status()["phase"] == "Building"
        assert len(scene.writes) == 3, "the second pass finds nothing to do"

    def test_after_a_kill_goes_on_with_what_was_made(self) -> None:
        scene = Scene(build())
        scene.passes()
        again = Scene(build())
        again.server.objects |= {
            key: body for key, body in scene.server.objects.items() if key[0] in ("ConfigMap", "Job")
        }
        again.passes(2)
        assert again.server.status()["attempts"] == 1
        assert again.server.status()["phase"] == "Building"

    def test_leaves_an_object_of_somebody_else_alone_and_tries_under_another_name(self) -> None:
        scene = Scene(build())
        theirs = {"metadata": {"namespace": "team-a", "name": "modules-a-1", "uid": "x", "resourceVersion": "4"}}
        scene.server.objects["Job", "modules-a-1"] = copy.deepcopy(theirs)
        scene.passes(2)
        assert scene.server.objects["Job", "modules-a-1"] == theirs
        assert scene.server.status()["failure"]["reason"] == "Tampered"
        assert "nextAttemptAt" in scene.server.status()

    def test_with_forged_inputs_in_the_way_makes_no_job(self) -> None:
        """Without our label no admission policy sees them; anybody can write a build's UID into their owners."""
        scene = Scene(build())
        scene.passes()
        owner = {"apiVersion": "v1", "kind": "Whatever", "name": "n", "uid": "build", "controller": True}
        again = Scene(build())
        forged = {
            "metadata": {"name": "modules-a-1", "uid": "x", "ownerReferences": [owner]},
            "data": {"build.json": json.dumps({"registries": {"insecure": ["reg.corp"]}})},
        }
        again.server.objects["ConfigMap", "modules-a-1"] = copy.deepcopy(forged)
        again.passes()
        assert ("Job", "modules-a-1") not in again.server.objects
        assert again.server.objects["ConfigMap", "modules-a-1"] == forged
        status = again.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "Tampered")
        assert "nextAttemptAt" in status, "the next try has another name"

    def test_tells_each_program_the_digest_of_what_it_made(self) -> None:
        scene = Scene(build())
        scene.passes()
        text = scene.server.objects["ConfigMap", "modules-a-1"]["data"]["build.json"]
        spec = scene.server.objects["Job", "modules-a-1"]["spec"]["template"]["spec"]
        commands = [one["command"] for one in (*spec["initContainers"], *spec["containers"])]
        assert [one[one.index("--inputs-digest") + 1] for one in commands] == [text_digest(text)] * 4

    def test_waits_while_as_many_run_as_may(self) -> None:
        scene = Scene(build())
        for number in range(SETTINGS.images.parallel):
            scene.builds.put(named(f"other-{number}", f"team-{number}", phase="Building"))
        assert scene.passes(2) is None, "it is called when its turn comes"
        assert scene.server.status() == {"phase": "Queued"}
        assert len(scene.writes) == 1
        scene.builds.remove(("team-0", "other-0"))
        scene.passes()
        assert scene.server.status()["phase"] == "Building"

    def test_waits_while_as_many_of_its_namespace_run_as_may(self) -> None:
        scene = Scene(build())
        for number in range(SETTINGS.images.parallel_in_namespace):
            scene.builds.put(named(f"other-{number}", phase="Building"))
        scene.passes()
        assert scene.server.status() == {"phase": "Queued"}
        scene.builds.remove(("team-a", "other-0"))
        scene.passes()
        assert scene.server.status()["phase"] == "Building"

    def test_that_the_namespace_refuses_is_told_and_gives_the_turn_to_the_next(self) -> None:
        scene = Scene(build())
        scene.builds.put(named("other", "team-b"))
        scene.server.refused["Job"] = ApiError(403, {"message": "exceeded quota: small"})
        assert scene.passes() == 10.0
        status = scene.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "PodsRefused")
        assert "exceeded quota: small" in status["failure"]["message"]
        assert "nextAttemptAt" in status
        assert scene.called == ["other"]

    @pytest.mark.parametrize("error", [ApiError(500, {}), ApiError(429, {}), TimeoutError()])
    def test_that_the_server_does_not_take_is_no_failure_and_gives_the_turn_to_the_next(self, error: Exception) -> None:
        scene = Scene(build())
        scene.builds.put(named("other", "team-b"))
        scene.server.refused["ConfigMap"] = error
        with pytest.raises(type(error)):
            scene.passes()
        assert scene.called == ["other"]
        assert scene.writes == [("create", "ConfigMap", "modules-a-1")]
        del scene.server.refused["ConfigMap"]
        scene.passes()
        assert scene.server.status()["phase"] == "Building"

    def test_of_a_build_that_waits_for_nobody_any_more_does_not_come(self) -> None:
        going = build()
        scene = Scene(going)
        body = scene.server.objects["LlamaStackBuild", "modules-a"]
        body["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "2000000000"}
        scene.builds.put(build_from(body))
        assert scene.passes() is None
        assert scene.server.requests == []


class TestRerun:
    def test_installs_exactly_the_lock_on_the_same_base(self) -> None:
        digest = "sha256:" + "2" * 64
        done = build(asked="then", phase="Succeeded", attempts=1, baseDigest=digest, image="i")
        scene = Scene(done, lock=RECORD["lock"])
        scene.passes()
        inputs = json.loads(scene.server.objects["ConfigMap", "modules-a-2"]["data"]["build.json"])
        assert inputs["layer"]["lock"] == RECORD["lock"]
        assert inputs["base"]["digest"] == digest

    def test_keeps_the_lock_while_it_runs(self) -> None:
        """A field that is not applied any more would be removed by the API server."""
        scene = Scene(build(asked="then", phase="Succeeded", attempts=1, image="i"), lock=RECORD["lock"])
        scene.passes()
        assert scene.server.status()["phase"] == "Building"
        assert len(scene.server.status()["lock"]) == 1

    def test_from_a_lock_that_cannot_be_read_fails_and_keeps_it(self) -> None:
        scene = Scene(build(asked="then", phase="Succeeded", attempts=1, image="i"), lock=[{"name": "m"}])
        scene.passes()
        status = scene.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "LockLost")
        assert "llamastack.dev/rebuild" in status["failure"]["hint"]
        assert status["lock"] == ['{"name": "m"}']


class TestWithoutAPod:
    def scene(self, **status: Any) -> Scene:
        began = {"startedAt": "2026-01-01T00:00:00Z", "step": "starting"}
        owner = build(phase="Building", attempts=1, **{**began, **status})
        scene = Scene(owner)
        scene.jobs.put(job_of(owner))
        return scene

    def test_says_what_the_job_controller_says_and_ends_the_job(self) -> None:
        scene = self.scene()
        scene.server.events = [{"lastTimestamp": "2026-01-01T00:00:01Z", "message": "exceeded quota: small"}]
        scene.passes()
        failure = scene.server.status()["failure"]
        assert failure["reason"] == "PodsRefused"
        assert "exceeded quota: small" in failure["message"]
        assert ("delete", "Job", "modules-a-1") in scene.server.requests

    def test_asks_for_no_events_before_a_minute_has_passed(self) -> None:
        scene = self.scene(startedAt="2999-01-01T00:00:00Z")
        scene.passes()
        assert [request for request in scene.server.requests if request[0] == "list"] == []

    @pytest.mark.parametrize("waits", [True, False])
    def test_that_a_node_takes_ends_only_for_another_that_waits(self, waits: bool) -> None:
        began = datetime.now(UTC) - timedelta(seconds=90)
        scene = self.scene(startedAt=began.strftime("%Y-%m-%dT%H:%M:%SZ"), step="waiting for a node: no cpu")
        for number in range(SETTINGS.images.parallel - 1):
            scene.builds.put(named(f"other-{number}", f"team-{number}", phase="Building"))
        if waits:
            scene.builds.put(named("next", "team-b"))
        owner = scene.builds.get(KEY)
        assert owner is not None
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
        scene.pods.put(pod_of(owner, job_of(owner), "Pending", status={"conditions": [condition]}))
        scene.passes()
        assert ("delete", "Job", "modules-a-1") in scene.server.requests or not waits
        assert scene.called == (["next"] if waits else [])


class Clock(datetime):
    """A clock that a test sets."""

    at = datetime(2026, 1, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> Clock:
        return cast(Clock, cls.at)


def test_a_week_of_failing_tries_is_thirty_a_day_at_most_and_leaves_two_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An index is away for a week: each try fails after a minute."""
    monkeypatch.setattr(reconcile, "datetime", Clock)
    Clock.at = start = datetime(2026, 1, 1, tzinfo=UTC)
    scene, tries, most = Scene(build()), Counter[int](), 0
    words = json.dumps({"reason": "IndexUnreachable", "message": "no answer", "retry": True})
    while Clock.at < start + timedelta(days=7):
        again = scene.passes()
        scene.tell()
        status = scene.server.status()
        if status["phase"] != "Building":
            Clock.at += timedelta(seconds=again or 1.0)
            continue
        tries[(Clock.at - start).days] += 1
        scene.passes()
        scene.tell()
        most = max(most, scene.count("Job"), scene.count("ConfigMap"))
        Clock.at += timedelta(seconds=60)
        name = f"modules-a-{status['attempts']}"
        failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
        ran = scene.server.objects["Job", name]["spec"]["template"]["spec"]
        metadata = scene.server.objects["Job", name]["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        scene.server.objects["Job", name]["status"] = {"conditions": failed}
        scene.tell()
        owner = scene.builds.get(KEY)
        assert owner is not None
        job = next(one for one in scene.jobs.of(KEY) if one.key[1] == name)
        scene.pods.put(pod_of(owner, job, "Failed", install=ended(1, words), spec=ran))
    assert most == 2
    assert max(tries.values()) <= 30
    assert all(tries[day] >= 15 for day in range(7)), "it is never given up"
    status = scene.server.status()
    assert status["failures"] == sum(tries.values())
    assert status["failingSince"] == "2026-01-01T00:01:00Z"


def test_a_pod_that_can_never_run_is_ended_with_its_job() -> None:
    owner = build(phase="Building", attempts=1)
    scene = Scene(owner)
    job = job_of(owner)
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    scene.jobs.put(job)
    scene.pods.put(pod_of(owner, job, "Pending", install=waiting))
    scene.passes()
    assert ("delete", "Job", "modules-a-1") in scene.server.requests
    assert scene.server.status()["failure"]["reason"] == "BaseNotFound"


def test_progress_is_read_from_the_container_that_works_and_written_when_it_changes() -> None:
    owner = build(phase="Building", attempts=1, step="starting")
    scene = Scene(owner)
    job = job_of(owner)
    scene.jobs.put(job)
    scene.pods.put(pod_of(owner, job, "Running", install={"running": {}}))
    scene.server.log_text = "progress: installing 3 of 9\n"
    scene.passes(3)
    assert scene.server.status()["step"] == "installing 3 of 9"
    assert len(scene.writes) == 1
    assert [request for request in scene.server.requests if request[0] == "log"] == [
        ("log", "install", "modules-a-1-x")
    ] * 3


def test_progress_that_cannot_be_read_holds_nothing_up() -> None:
    """The node of a running pod may be gone: the API server then waits for it, and gives up."""
    owner = build(phase="Building", attempts=1, step="starting")
    scene = Scene(owner)
    job = job_of(owner)
    scene.jobs.put(job)
    scene.pods.put(pod_of(owner, job, "Running", install={"running": {}}))
    scene.server.log_error = ApiError(502, {"message": "no route to host"})
    scene.passes()
    assert scene.server.status()["step"] == "installing"


@pytest.mark.parametrize("gone", [True, False])
def test_a_build_that_went_or_was_replaced_during_its_pass_is_no_error(gone: bool) -> None:
    scene = Scene(build())
    if gone:
        del scene.server.objects["LlamaStackBuild", "modules-a"]
    else:
        scene.server.objects["LlamaStackBuild", "modules-a"]["metadata"]["uid"] = "another"
    scene.passes()
    assert scene.told == []
