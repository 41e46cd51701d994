"""The queue of builds: whose turn it is, and that one that trips over itself stops no other."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from llamastack_operator.controller.build.wiring import Building
from llamastack_operator.controller.worker import FollowUp
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.build_config_map import BuildConfigMap
from llamastack_operator.objects.builds import BuildRecord, build_index
from llamastack_operator.objects.child import Key
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.unit.controller.build.test_reconcile import named


class Scene:
    """The builds' half of an operator, whose passes are noted or fail as chosen."""

    def __init__(self, *builds: BuildRecord) -> None:
        self.builds: Cache[BuildRecord] = Cache(build_index)
        for one in builds:
            self.builds.put(one)
        self.told: list[tuple[str, bool]] = []
        self.passes: list[str] = []
        self.passed = asyncio.Event()
        self.failures: dict[str, Exception] = {}
        self.building = Building(
            cast(Client, None),
            WorkloadSettings(),
            self.builds,
            lambda build, listed: self.told.append((build.key[1], listed)),
        )
        self.building._reconciler = cast(Any, self)

    def know(self, build: BuildRecord) -> None:
        """Take up a build as an informer does."""
        self.builds.put(build)
        self.building.notice(build)

    async def reconcile(self, key: Key) -> FollowUp:
        self.passes.append(key[1])
        self.passed.set()
        failure = self.failures.pop(key[1], None)
        if failure is not None:
            raise failure
        return FollowUp(settled=True)

    async def work(self, count: int) -> None:
        """Run workers until there were so many passes."""
        workers = [asyncio.ensure_future(worker) for worker in self.building.workers()]
        async with asyncio.timeout(20):
            while len(self.passes) < count:
                self.passed.clear()
                await self.passed.wait()
        await asyncio.sleep(0.05)
        for worker in workers:
            worker.cancel()


def test_a_build_that_ends_calls_whose_turn_it_is_and_nobody_else_and_tells_its_stacks() -> None:
    async def main() -> None:
        scene = Scene(named("waits-1"), named("waits-2"), named("runs", phase="Building"))
        scene.know(named("ended", phase="Building"))
        await scene.work(1)
        scene.know(named("ended", phase="Succeeded"))
        await scene.work(3)
        assert sorted(scene.passes) == ["ended", "ended", "waits-1"], "a namespace has two places"
        assert scene.told == [("ended", False)] * 2

    asyncio.run(main())


def test_a_build_that_is_deleted_leaves_its_place_at_once() -> None:
    async def main() -> None:
        scene = Scene(named("waits"))
        going = named("going", phase="Building")
        scene.know(going)
        scene.builds.remove(going.key)
        scene.building.notice(going)
        await scene.work(2)
        assert sorted(scene.passes) == ["going", "waits"]

    asyncio.run(main())


@pytest.mark.parametrize("gone", [True, False])
def test_a_config_map_that_went_is_looked_after_and_one_that_was_made_is_no_news(gone: bool) -> None:
    async def main() -> None:
        scene = Scene(named("locked", phase="Succeeded"))
        lock = BuildConfigMap(("team-a", "locked-lock"), "locked", "uid", 7, "build", deleting=False)
        if not gone:
            scene.building._config_maps.put(lock)
        scene.building._config_map_changed(lock, False)
        scene.building.notice(named("other"))
        await scene.work(2 if gone else 1)
        assert sorted(scene.passes) == (["locked", "other"] if gone else ["other"])

    asyncio.run(main())


def test_a_build_that_goes_on_wakes_nobody() -> None:
    async def main() -> None:
        scene = Scene(named("waits"))
        scene.know(named("runs", phase="Building"))
        await scene.work(1)
        assert scene.passes == ["runs"]

    asyncio.run(main())


@pytest.mark.parametrize("failure", [ApiError(500, {}), TimeoutError(), OSError("gone"), KeyError("a defect")])
def test_a_pass_that_fails_is_run_again_and_stops_no_other(failure: Exception) -> None:
    async def main() -> None:
        scene = Scene()
        scene.failures["bad"] = failure
        scene.building.notice(named("bad"))
        scene.building.notice(named("good"))
        await scene.work(3)
        assert sorted(scene.passes) == ["bad", "bad", "good"]

    asyncio.run(main())


def test_a_namespace_that_goes_takes_its_builds_along() -> None:
    causes = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}

    async def main() -> None:
        scene = Scene()
        scene.failures["going"] = ApiError(403, causes)
        scene.building.notice(named("going"))
        await scene.work(1)
        await asyncio.sleep(0.5)
        assert scene.passes == ["going"]

    asyncio.run(main())
