"""What a try leaves is taken up once: the record, the image, and the lock that pods install from.

The server is a fake (see `tests/support/build_scene.py`).
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from llamastack_operator.kube.client import ApiError
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.workloads.build_job import text_digest
from llamastack_operator.workloads.names import lock_name
from tests.support.build_attempts import INPUTS, SETTINGS, build, ended, job_of, last_words, pod_of
from tests.support.build_scene import Scene, named
from tests.support.records import RECORD, locked, printed


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
