"""One pass of one build: what is asked of the API server, in which order, and what a second pass finds.

The server is a fake that keeps what it is given and notes requests: which of them are refused, and when an informer
tells, is chosen here. A real one is in tests/e2e/test_builds.py, and real pods in tests/e2e/test_build_failures.py.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from llamastack_operator.controller.build import reconcile
from llamastack_operator.controller.build.reconcile import BuildReconciler
from llamastack_operator.controller.build.turns import Turns
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.build_config_map import BuildConfigMap, build_config_map
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord, build_from, build_index, job_from
from llamastack_operator.objects.resources import Resource
from llamastack_operator.planning.build.choose import Places
from llamastack_operator.workloads.build_job import text_digest
from llamastack_operator.workloads.names import lock_name
from tests.support.build_attempts import INPUTS, SETTINGS, build, ended, job_of, last_words, pod_of, spec_wire
from tests.support.records import RECORD, locked, printed

KEY = ("team-a", "modules-a")
Body = dict[str, Any]


class Server:
    """Objects of one namespace by kind and name.

    Attributes:
        objects: what there is.
        requests: verb, kind and name of what was asked, in order.
        log_text: the log of every container.
        events: what the controllers of the cluster told.
        refused: for kinds, why none of them can be created.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.log_text = ""
        self.log_error: Exception | None = None
        self.events: list[Body] = []
        self.refused: dict[str, Exception] = {}
        self._version = itertools.count(10**9)  # above those of `attempts`

    async def create(self, resource: Resource, body: Body) -> Body:
        name = (resource.kind, body["metadata"]["name"])
        self.requests.append(("create", *name))
        if resource.kind in self.refused:
            raise self.refused[resource.kind]
        if name in self.objects:
            raise ApiError(409, {"reason": "AlreadyExists"})
        identity = {"uid": f"uid-{name[1]}", "resourceVersion": str(next(self._version))}
        self.objects[name] = {**body, "metadata": {**body["metadata"], **identity}}
        return self.objects[name]

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        self.requests.append(("get", resource.kind, name))
        return self.objects.get((resource.kind, name))

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        self.requests.append(("delete", resource.kind, name))
        found = self.objects.get((resource.kind, name))
        if found is not None and found["metadata"]["uid"] == uid:
            del self.objects[resource.kind, name]

    async def list_page(self, resource: Resource, namespace: str, query: Body) -> Body:
        self.requests.append(("list", resource.kind, query["fieldSelector"]))
        return {"items": self.events}

    async def apply(self, resource: Resource, body: Body, subresource: str, metadata_only: bool) -> Body:
        self.requests.append(("apply", f"{resource.kind}/{subresource}", body["metadata"]["name"]))
        known = self.objects.get((resource.kind, body["metadata"]["name"]))
        if known is None or known["metadata"]["uid"] != body["metadata"]["uid"]:
            raise ApiError(409 if known else 404, {})
        known["status"] = copy.deepcopy(body["status"])
        known["metadata"]["resourceVersion"] = str(next(self._version))
        return {"metadata": known["metadata"]}

    async def log(self, namespace: str, pod: str, container: str, limit: int, tail: int | None = None) -> str:
        self.requests.append(("log", container, pod))
        if self.log_error is not None:
            raise self.log_error
        return self.log_text

    def status(self, name: str = "modules-a") -> Body:
        found: Body = self.objects["LlamaStackBuild", name]["status"]
        return found


class Scene:
    """A reconciler before a server that has one build."""

    def __init__(self, held: BuildRecord, lock: list[Body] | None = None) -> None:
        self.server = Server()
        self.builds: Cache[BuildRecord] = Cache(build_index)
        self.jobs: Cache[BuildJob] = Cache()
        self.pods: Cache[BuildPod] = Cache()
        self.config_maps: Cache[BuildConfigMap] = Cache()
        self.called: list[str] = []
        images = SETTINGS.images
        places = Places(images.parallel, images.parallel_in_namespace)
        self.turns = Turns(self.builds, places, lambda key: self.called.append(key[1]))
        self.told: list[str] = []
        self.know(held, lock)
        client = cast(Client, self.server)
        self.reconciler = BuildReconciler(
            client, self.builds, self.jobs, self.pods, self.config_maps, self.turns, SETTINGS, self._changed
        )

    def _changed(self, build: BuildRecord) -> None:
        self.told.append(build.phase)
        self.turns.changed(build.key)

    def tell(self) -> None:
        """Make known what Jobs and ConfigMaps there are, as informers do."""
        for kind, cache, kept in (("Job", self.jobs, job_from), ("ConfigMap", self.config_maps, build_config_map)):
            held = [kept(body) for (one, _), body in self.server.objects.items() if one == kind]
            there = [one for one in held if one is not None]
            for key in cache.keys() - {one.key for one in there}:
                cache.remove(key)
            for one in there:
                cast(Any, cache).put(one)

    def count(self, kind: str) -> int:
        """Return how many objects of a kind there are."""
        return sum(1 for one, _ in self.server.objects if one == kind)

    def know(self, held: BuildRecord, lock: list[Body] | None = None) -> None:
        """Put a build into the server and into the cache."""
        status = held.status.to_wire()
        if lock is not None:
            status["lock"] = [json.dumps(one) for one in lock]
        owners = {"ownerReferences": list(held.owners)}
        metadata = {"namespace": held.key[0], "name": held.key[1], "uid": held.uid, **owners}
        annotations = {"annotations": {"llamastack.dev/rerun": held.rerun}} if held.rerun else {}
        body = {"metadata": {**metadata, "resourceVersion": str(held.version), **annotations}, "spec": spec_wire(held)}
        self.server.objects["LlamaStackBuild", held.key[1]] = {**body, "status": status}
        self.builds.put(build_from({**body, "status": status}))
        self.turns.changed(held.key)

    def passes(self, times: int = 1) -> float | None:
        again = None
        for _ in range(times):
            again = asyncio.run(self.reconciler.reconcile(KEY)).again
        return again

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        return [request for request in self.server.requests if request[0] in ("create", "apply", "delete")]


def named(name: str, namespace: str = "team-a", **status: Any) -> BuildRecord:
    body = build(**status)
    return build_from(
        {
            "metadata": {"namespace": namespace, "name": name, "uid": name, "resourceVersion": str(body.version)},
            "spec": spec_wire(body),
            "status": status,
        }
    )


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


class TestCollect:
    def scene(self, owner: BuildRecord, log: str, record: str) -> Scene:
        scene = Scene(owner)
        job = job_of(owner, ended=("Complete", ""))
        image = {} if owner.spec.pushes else {"image": None}
        words = last_words(record=record, total=10, pushed=3, **image)
        scene.jobs.put(job)
        scene.pods.put(pod_of(owner, job, install=ended(), push=ended(message=words)))
        scene.server.log_text = log
        return scene

    def building(self, **spec: Any) -> BuildRecord:
        return build(spec, phase="Building", attempts=1, startedAt="2026-01-01T00:00:00Z")

    def test_records_the_image_the_lock_and_whose_programs_made_it(self) -> None:
        log, digest = printed(RECORD)
        scene = self.scene(self.building(), log, digest)
        assert scene.passes() is None
        status = scene.server.status()
        assert (status["phase"], status["image"]) == ("Succeeded", json.loads(last_words())["image"])
        assert [json.loads(entry) for entry in status["lock"]] == RECORD["lock"]
        assert status["operatorImage"] == SETTINGS.images.operator

    def test_is_done_once(self) -> None:
        log, digest = printed(RECORD)
        scene = self.scene(self.building(), log, digest)
        scene.passes(3)
        assert len(scene.writes) == 1

    @pytest.mark.parametrize("log", ["", "record-begin sha256:0 1\nrecord-end\n", printed({"lock": []})[0]])
    def test_without_the_record_is_tried_again(self, log: str) -> None:
        scene = self.scene(self.building(), log, printed(RECORD)[1])
        scene.passes()
        status = scene.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "LockLost")
        assert "nextAttemptAt" in status

    def test_of_too_many_packages_is_not_tried_again(self) -> None:
        log, digest = printed({**RECORD, "lock": [locked(f"p{number}") for number in range(1001)]})
        scene = self.scene(self.building(), log, digest)
        scene.passes()
        failure = scene.server.status()["failure"]
        assert failure["reason"] == "LimitExceeded"
        assert "lock has 1001 entries, and 1000 are possible" in failure["message"]
        assert "fewer packages" in failure["hint"]
        assert "nextAttemptAt" not in scene.server.status()

    def test_of_pods_that_install_at_start_makes_the_config_map_that_they_read(self) -> None:
        inputs = {**INPUTS, "repository": None}
        log, digest = printed(RECORD)
        scene = self.scene(self.building(strategy="Start", inputs=inputs), log, digest)
        scene.passes()
        status = scene.server.status()
        kept = scene.server.objects["ConfigMap", lock_name("modules-a", status["lockDigest"])]
        assert status["lockDigest"] == text_digest(kept["data"]["build.json"])
        assert json.loads(kept["data"]["build.json"])["layer"]["lock"] == RECORD["lock"]
        assert kept["immutable"] is True
        assert kept["metadata"]["ownerReferences"][0]["uid"] == "build"
        assert "image" not in status

    def test_of_pods_that_install_at_start_with_a_forged_lock_in_the_way_is_no_success(self) -> None:
        log, digest = printed(RECORD)
        owner = self.building(strategy="Start", inputs={**INPUTS, "repository": None})
        before = self.scene(owner, log, digest)
        before.passes()
        scene, name = self.scene(owner, log, digest), lock_name("modules-a", before.server.status()["lockDigest"])
        forged = {"metadata": {"name": name, "uid": "x"}, "data": {"build.json": "{}"}}
        scene.server.objects["ConfigMap", name] = copy.deepcopy(forged)
        scene.passes()
        status = scene.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "Tampered")
        assert "lockDigest" not in status
        assert scene.server.objects["ConfigMap", name] == forged

    @pytest.mark.parametrize("code", [403, 413, 422])
    def test_of_pods_that_install_at_start_whose_lock_the_namespace_refuses_gives_its_place_back(
        self, code: int
    ) -> None:
        log, digest = printed(RECORD)
        scene = self.scene(self.building(strategy="Start", inputs={**INPUTS, "repository": None}), log, digest)
        scene.server.refused["ConfigMap"] = ApiError(code, {"message": "exceeded quota: small"})
        scene.passes()
        status = scene.server.status()
        assert (status["phase"], status["failure"]["reason"]) == ("Failed", "PodsRefused")
        assert "the ConfigMap with its lock cannot be created: exceeded quota: small" in status["failure"]["message"]
        assert "nextAttemptAt" in status

    def test_at_start_goes_on_with_the_layers_below(self) -> None:
        inputs = {**INPUTS, "repository": None, "earlierBuilds": ["stack-a"]}
        log, digest = printed(RECORD)
        scene = self.scene(self.building(strategy="Start", inputs=inputs), log, digest)
        scene.know(named("stack-a", phase="Succeeded"), lock=[locked("below")])
        scene.passes()
        name = lock_name("modules-a", scene.server.status()["lockDigest"])
        document = json.loads(scene.server.objects["ConfigMap", name]["data"]["build.json"])
        assert [layer["lock"] for layer in document["earlier"]] == [[locked("below")]]


class TestRestoreLock:
    """Pods that install at their start mount the ConfigMap with the lock: without it none starts."""

    def scene(self, strategy: str = "Start") -> Scene:
        inputs = {**INPUTS, "repository": None if strategy == "Start" else "registry.example/bot"}
        done = build({"strategy": strategy, "inputs": inputs}, phase="Succeeded", attempts=1, baseDigest="sha256:b")
        return Scene(done, lock=RECORD["lock"])

    def test_that_is_gone_is_made_again_as_it_was(self) -> None:
        scene = self.scene()
        scene.passes()
        scene.tell()
        assert scene.writes == [("create", "ConfigMap", "modules-a-lock")]
        kept = scene.server.objects["ConfigMap", "modules-a-lock"]
        assert json.loads(kept["data"]["build.json"])["layer"]["lock"] == RECORD["lock"]
        scene.passes(3)
        assert len(scene.writes) == 1, "one that is there is left alone"
        del scene.server.objects["ConfigMap", "modules-a-lock"]
        scene.tell()
        scene.passes()
        assert scene.server.objects["ConfigMap", "modules-a-lock"]["data"] == kept["data"]

    def test_of_an_image_is_needed_by_no_pod(self) -> None:
        scene = self.scene("Image")
        scene.passes()
        assert scene.server.requests == []

    def test_of_somebody_else_is_left_alone(self) -> None:
        scene = self.scene()
        theirs = {"metadata": {"namespace": "team-a", "name": "modules-a-lock", "uid": "x", "resourceVersion": "4"}}
        scene.server.objects["ConfigMap", "modules-a-lock"] = copy.deepcopy(theirs)
        scene.passes()
        assert scene.server.objects["ConfigMap", "modules-a-lock"] == theirs


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
