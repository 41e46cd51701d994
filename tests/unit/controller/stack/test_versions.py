"""Servers are asked for their versions apart from passes, once for each rollout, and a few times where they are silent.

The servers are scripted: what is asked, how often, and what waits meanwhile is the point; the look itself is tested in
tests/unit/probe.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from llamastack_operator.controller import queue
from llamastack_operator.controller.stack.versions import TRIES, WORKERS, Rollout, Told, Versions
from llamastack_operator.objects.child import Key

KEY = ("team-a", "bot")


def rollout(generation: int = 1, address: str = "10.0.0.1") -> Rollout:
    return Rollout("uid", generation, address, 8321)


class Scene:
    """Versions of scripted servers.

    Attributes:
        asked: the addresses that were asked.
        noticed: the keys that were noticed.
    """

    def __init__(self, answer: Callable[[str], str | None]) -> None:
        self.asked: list[str] = []
        self.noticed: list[Key] = []
        self._answer = answer
        self.versions = Versions(self.noticed.append, self._ask)

    async def _ask(self, host: str, port: int) -> str | None:
        self.asked.append(host)
        if host == "silent":
            await asyncio.sleep(3600)
        return self._answer(host)

    def run(self, act: Callable[[], object], turns: int = 200) -> None:
        async def main() -> None:
            tasks = [asyncio.ensure_future(work) for work in self.versions.workers()]
            act()
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

        asyncio.run(main())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(queue, "MAX_DELAY", 0.0)


def test_a_server_is_asked_once_and_its_stack_is_noticed() -> None:
    scene = Scene(lambda host: "0.7.3")

    def look() -> None:
        assert scene.versions.of(KEY, rollout()) is None
        assert scene.versions.of(KEY, rollout()) is None

    scene.run(look)
    assert (scene.asked, scene.noticed) == (["10.0.0.1"], [KEY])
    assert scene.versions.of(KEY, rollout()) == Told("0.7.3")


def test_one_that_does_not_tell_is_asked_a_few_times_and_then_remembered_for_its_rollout() -> None:
    scene = Scene(lambda host: None)
    scene.run(lambda: scene.versions.of(KEY, rollout()))
    assert (len(scene.asked), scene.noticed) == (TRIES, [KEY])
    assert scene.versions.of(KEY, rollout()) == Told(None)
    assert scene.versions.of(KEY, rollout(generation=2)) is None


def test_silent_servers_keep_no_other_one_waiting() -> None:
    scene = Scene(lambda host: "0.7.3")

    def look() -> None:
        for number in range(WORKERS - 1):
            scene.versions.of(("team-a", f"silent-{number}"), rollout(address="silent"))
        scene.versions.of(KEY, rollout())

    scene.run(look)
    assert scene.noticed == [KEY]


def test_what_was_rolled_out_meanwhile_is_asked_instead() -> None:
    scene = Scene(lambda host: {"old": "0.7.2", "new": "0.7.3"}[host])

    def look() -> None:
        scene.versions.of(KEY, rollout(1, "old"))
        scene.versions.of(KEY, rollout(2, "new"))

    scene.run(look)
    assert scene.versions.of(KEY, rollout(2, "new")) == Told("0.7.3")


def test_a_stack_that_went_is_not_asked_and_leaves_nothing() -> None:
    scene = Scene(lambda host: "0.7.3")

    def look() -> None:
        scene.versions.of(KEY, rollout())
        scene.versions.forget(KEY)

    scene.run(look)
    assert (scene.asked, scene.noticed) == ([], [])
    assert not (scene.versions._wanted or scene.versions._tries or scene.versions._told)
