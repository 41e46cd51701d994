"""What is collected about a stack's image: credentials by their version only when they matter, and the clock.

The API server behind is a fake that counts what is read of Secrets: that nothing is read is the point.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from llamastack_operator.controller.stack import gather_image
from llamastack_operator.controller.stack.gather_image import ImageGatherer
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.builds import BuildRecord, build_index
from llamastack_operator.objects.resources import Resource
from llamastack_operator.planning.image.refresh import refresh_token
from llamastack_operator.planning.reading.planned import planned_of
from llamastack_operator.planning.reading.question import question_of
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED, StackFacts
from llamastack_operator.planning.stack.image_verdict import BuildWish
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import Stack, stack_from
from llamastack_resolver.findings import Findings
from tests.support.world import IMAGES, UID, llamastack, succeeded

READY = {"type": "ImageReady", "status": "True"}


class Secrets:
    """A server of Secrets.

    Attributes:
        version: the resourceVersion of each.
        read: the names that were read, in order.
    """

    def __init__(self) -> None:
        self.version = "1"
        self.read: list[str] = []

    async def get(
        self, resource: Resource, namespace: str, name: str, metadata_only: bool = False
    ) -> dict[str, Any] | None:
        assert (resource.kind, metadata_only) == ("Secret", True), "the value of a Secret is nobody's business"
        self.read.append(name)
        return {"metadata": {"resourceVersion": self.version}}


class Scene:
    """A stack with one module and a repository, and the builds of its namespace."""

    def __init__(self, **spec: Any) -> None:
        entry = {"provider_id": "a", "provider_type": "remote::mine", "module": "my_provider==1.0"}
        self.spec = {
            "runConfig": {"providers": {"safety": [entry]}},
            "build": {"repository": "registry.example/bot", "pushSecretRef": {"name": "push"}},
            **spec,
        }
        self.secrets = Secrets()
        self.builds: Cache[BuildRecord] = Cache(build_index)
        self.gatherer = ImageGatherer(self.builds, Referents(cast(Client, self.secrets)))
        self.referred = NOTHING_REFERRED

    def stack(self, rebuild: str = "", **status: Any) -> Stack:
        body = llamastack(status=status, **self.spec)
        if rebuild:
            body["metadata"]["annotations"] = {"llamastack.dev/rebuild": rebuild}
        return stack_from(body)

    def look(self, rebuild: str = "", **status: Any) -> tuple[Snapshot, float | None]:
        facts = StackFacts(self.stack(rebuild, **status), (), (), self.referred)
        question = question_of(facts)
        planned = planned_of(question, Findings()) if question is not None else None
        return asyncio.run(self.gatherer.judge(facts, planned, IMAGES))

    def wish(self, rebuild: str = "", **status: Any) -> BuildWish:
        found, _ = self.look(rebuild, **status)
        assert found.image is not None
        return found.image.wishes[-1]

    def finish(self, wish: BuildWish, **status: Any) -> BuildRecord:
        build = succeeded(wish.name, wish.spec, **status)
        self.builds.put(build)
        return build


def settled(build: BuildRecord) -> dict[str, Any]:
    return {"observedGeneration": 2, "conditions": [READY], "buildRef": {"name": build.key[1]}}


class TestCredentials:
    def test_are_not_read_once_the_image_is_there(self) -> None:
        scene = Scene()
        build = scene.finish(scene.wish())
        scene.secrets.read.clear()
        found, _ = scene.look(**settled(build))
        assert found.image is not None
        assert found.image.ready
        assert scene.secrets.read == []

    def test_of_a_new_version_try_a_failed_build_anew_under_another_name(self) -> None:
        scene = Scene()
        failed = scene.finish(scene.wish(), phase="Failed", failure={"reason": "PushDenied", "message": "no"})
        assert scene.wish(observedGeneration=2) == BuildWish(failed.key[1], {})
        scene.secrets.version = "2"
        anew = scene.wish(observedGeneration=2)
        assert anew.spec["key"] == failed.inputs_key
        assert anew.name != failed.key[1]

    def test_of_the_same_version_leave_a_failed_refresh_failed(self) -> None:
        """The build of a refresh is asked for while the last image is there, and judged when it is not any more."""
        scene = Scene()
        build = scene.finish(scene.wish())
        refresh = scene.wish("monday", **settled(build))
        failed = scene.finish(refresh, phase="Failed", failure={"reason": "PushDenied", "message": "no"})
        status = {"observedGeneration": 2, "buildRef": {"name": failed.key[1]}}
        assert scene.wish("monday", **status) == BuildWish(failed.key[1], {})

    def test_include_the_certificates(self) -> None:
        scene = Scene()
        before = scene.wish()
        scene.referred = replace(scene.referred, certificates="new")
        assert scene.wish().name != before.name
        assert scene.wish().spec["key"] == before.spec["key"]

    def test_are_read_of_every_secret_that_is_named(self) -> None:
        build = {
            "repository": "registry.example/bot",
            "pushSecretRef": {"name": "push"},
            "pullSecretRef": {"name": "pull"},
            "pip": {"secretRef": {"name": "index"}},
        }
        scene = Scene(build=build)
        scene.wish()
        assert scene.secrets.read == ["index", "pull", "push"]


class TestRefresh:
    DAY = 86400.0

    def daily(self) -> Scene:
        return Scene(build={"repository": "registry.example/bot", "refreshInterval": "24h"})

    def at(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        """Set the clock, counted from where the intervals of the stack begin."""
        _, until_the_tenth = refresh_token("", "24h", UID, "", 10 * self.DAY)
        assert until_the_tenth is not None
        monkeypatch.setattr(gather_image.time, "time", lambda: seconds + until_the_tenth)

    def test_is_the_users_word(self) -> None:
        scene = Scene()
        build = scene.finish(scene.wish())
        assert scene.wish("", **settled(build)).spec == {}
        asked = scene.wish("monday", **settled(build))
        assert asked.spec["inputs"]["refresh"] == "monday"
        made = scene.finish(asked)
        assert scene.wish("monday", **settled(made)).name == made.key[1]

    def test_that_was_asked_for_is_not_undone_when_the_word_is_taken_back(self) -> None:
        scene = Scene()
        made = scene.finish(scene.wish("monday"))
        assert scene.wish("", **settled(made)) == BuildWish(made.key[1], {})

    def test_is_due_once_in_each_interval(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = self.daily()
        self.at(monkeypatch, 10 * self.DAY + 1)
        build = scene.finish(scene.wish())
        self.at(monkeypatch, 11 * self.DAY - 1)
        assert scene.wish(**settled(build)).spec == {}
        self.at(monkeypatch, 11 * self.DAY)
        due = scene.wish(**settled(build))
        assert "fresh look" in due.spec["reasons"][0]

    def test_tells_when_to_look_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = self.daily()
        self.at(monkeypatch, 10 * self.DAY + 100)
        assert scene.look()[1] == self.DAY - 100
        assert Scene().look()[1] is None

    def test_by_word_and_by_interval_go_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = self.daily()
        self.at(monkeypatch, 0)
        assert scene.wish("monday").spec["inputs"]["refresh"] == "monday@24h/0"
        assert scene.wish("").spec["inputs"]["refresh"] == "24h/0"


def test_the_servers_config_names_a_module_as_it_is_imported() -> None:
    scene = Scene()
    entry = {"provider_id": "a", "provider_type": "remote::mine", "module": "my-provider==1.0"}
    scene.spec["runConfig"] = {"providers": {"safety": [entry]}}
    wish = scene.wish()
    module = {"requirement": "my-provider==1.0", "distribution": "my-provider", "version": "1.0"}
    build = scene.finish(wish, modules=[{**module, "importName": "my_provider"}])
    found, _ = scene.look(**settled(build))
    assert "my_provider" in (found.run_config or "")
    assert "my-provider==1.0" not in (found.run_config or "")


class TestAStackThatCouldNotBeRead:
    """For a fault of the operator or its machine, such as no room for another process."""

    def look(self, **spec: Any) -> Snapshot:
        facts = StackFacts(stack_from(llamastack(**spec)), (), (), NOTHING_REFERRED)
        found, _ = asyncio.run(Scene().gatherer.judge(facts, None, IMAGES))
        return found

    def test_runs_where_its_image_runs_what_was_written(self) -> None:
        found = self.look(distribution={"image": "a"})
        assert found.image is not None and found.image.ready
        assert found.install_findings == ()

    @pytest.mark.parametrize(
        "spec",
        [
            {"distribution": {"release": {"package": "llama-stack", "version": "0.7.3"}}},
            {"distribution": {"image": "a", "release": {"package": "llama-stack", "version": "0.7.3"}}},
            {"build": {"pip": {"requirements": ["torch"]}}},
            {"runConfig": {"providers": {"safety": [{"provider_type": "remote::a", "module": "a"}]}}},
        ],
    )
    def test_stays_as_it_is_where_more_has_to_be_known(self, spec: dict[str, Any]) -> None:
        found = self.look(**spec)
        assert found.image is None
        assert [(one.reason, one.severity) for one in found.install_findings] == [("ReadingFailed", "error")]


def test_a_spec_with_errors_reads_nothing_and_decides_nothing() -> None:
    scene = Scene(server={"port": "none"})
    found, again = scene.look()
    assert (found.image, again, scene.secrets.read) == (None, None, [])


def test_builds_of_other_namespaces_are_not_looked_at() -> None:
    scene = Scene()
    wish = scene.wish()
    build = succeeded(wish.name, wish.spec)
    scene.builds.put(replace(build, key=("team-b", build.key[1])))
    found, _ = scene.look()
    assert found.image is not None
    assert not found.image.ready
