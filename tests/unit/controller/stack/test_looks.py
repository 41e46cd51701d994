"""When servers are asked how their providers are: once a revision is ready, then every ten minutes, never all at once.

The servers are scripted, and the clock jumps on where everybody waits: who is asked when, over hours, is the point. The
look itself is tested in tests/unit/probe.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from itertools import pairwise
from typing import Any

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.controller.stack.looks import INTERVAL, LEAST, TRIES, WORKERS, Looks, Server
from llamastack_operator.objects.child import Key
from tests.support.skipping import run_skipping

KEY = ("team-a", "bot")
MODEL: ProviderName = ("inference", "vllm")
FINE: Mapping[ProviderName, Health] = {MODEL: "OK"}
ILL: Mapping[ProviderName, Health] = {MODEL: "Error"}
SILENT = 5.0
"""Seconds after which a server that does not answer is given up."""


def server(revision: str = "first", address: str = "10.0.0.1", uid: str = "uid") -> Server:
    return Server(uid, revision, address, 8321, frozenset({MODEL}))


def now() -> float:
    return asyncio.get_running_loop().time()


class Scene:
    """Looks at scripted servers.

    Attributes:
        asked: when servers were asked, and at which address.
        noticed: when stacks were noticed.

    Args:
        answer: what a server says, by its address; None where it does not answer.
    """

    def __init__(self, answer: Callable[[str], Mapping[ProviderName, Health] | None] = lambda _: FINE) -> None:
        self.asked: list[tuple[float, str]] = []
        self.noticed: list[tuple[float, Key]] = []
        self._answer = answer
        self.looks = Looks(lambda key: self.noticed.append((now(), key)), self._ask)

    async def _ask(
        self, host: str, port: int, providers: Collection[ProviderName]
    ) -> Mapping[ProviderName, Health] | None:
        self.asked.append((now(), host))
        health = self._answer(host)
        if health is None:
            await asyncio.sleep(SILENT)
        return health

    @property
    def times(self) -> list[int]:
        return [round(when) for when, _ in self.asked]

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            tasks = [asyncio.ensure_future(work) for work in self.looks.workers()]
            await story()
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

        run_skipping(main())


def test_a_server_is_asked_once_it_is_ready_and_then_every_ten_minutes_however_many_passes_there_are() -> None:
    scene = Scene()

    async def story() -> None:
        for second in range(2990):
            scene.looks.follow(KEY, server(), serves_already=second > 0)
            await asyncio.sleep(1)

    scene.play(story)
    assert scene.times == [0, 600, 1200, 1800, 2400]
    assert scene.noticed == [(0, KEY)], "it says the same each time"


def test_what_it_said_is_known_of_that_revision_alone() -> None:
    scene = Scene()

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        assert scene.looks.told(KEY, "uid", "first") is None
        await asyncio.sleep(1)

    scene.play(story)
    assert scene.looks.told(KEY, "uid", "first") == FINE
    assert scene.looks.told(KEY, "uid", "second") is None
    assert scene.looks.told(KEY, "another", "first") is None


def test_after_a_restart_servers_that_serve_are_spread_over_the_ten_minutes() -> None:
    scene = Scene()
    keys = [("team-a", f"bot-{number}") for number in range(1000)]

    async def story() -> None:
        for number, key in enumerate(keys):
            uid = str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))
            scene.looks.follow(key, server(address=key[1], uid=uid), serves_already=True)
        await asyncio.sleep(INTERVAL - 0.001)

    scene.play(story)
    assert Counter(address for _, address in scene.asked) == Counter(name for _, name in keys)
    per_minute = Counter(int(when // 60) for when, _ in scene.asked)
    assert len(per_minute) == 10
    assert max(per_minute.values()) < 2 * len(keys) / 10


def test_a_new_revision_is_asked_at_once_but_not_twice_a_minute() -> None:
    scene = Scene()

    async def story() -> None:
        for revision, seconds in (("first", 10), ("second", 190), ("third", 1)):
            scene.looks.follow(KEY, server(revision), serves_already=revision == "second")
            await asyncio.sleep(seconds)

    scene.play(story)
    assert scene.times == [0, 60, 200]


def test_a_server_that_says_something_else_each_time_has_its_stack_noticed_every_ten_minutes() -> None:
    scene = Scene(lambda _: ILL if len(scene.asked) % 2 else FINE)

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(3000 - 1)

    scene.play(story)
    assert [round(when) for when, _ in scene.noticed] == [0, 600, 1200, 1800, 2400]


def test_revisions_without_end_have_a_stack_noticed_once_a_minute() -> None:
    scene = Scene(lambda _: ILL if len(scene.asked) % 2 else FINE)

    async def story() -> None:
        for number in range(1000):
            scene.looks.follow(KEY, server(f"revision-{number}"), serves_already=False)
            await asyncio.sleep(1)
            if number % 7 == 0:
                scene.looks.pause(KEY)

    scene.play(story)
    times = [when for when, _ in scene.noticed]
    assert len(times) > 10
    assert min(after - before for before, after in pairwise(times)) >= LEAST


def test_one_that_does_not_answer_is_asked_a_few_times_and_then_once_every_ten_minutes() -> None:
    scene = Scene(lambda _: None)

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(500)
        assert len(scene.asked) == TRIES
        assert scene.looks.told(KEY, "uid", "first") == {}
        await asyncio.sleep(4 * INTERVAL)

    scene.play(story)
    assert len(scene.asked) == TRIES + 4
    assert [key for _, key in scene.noticed] == [KEY]


def test_a_short_silence_is_not_told_and_a_long_one_leaves_nothing_told() -> None:
    scene = Scene(lambda _: None if 600 <= now() < 603 or now() > 1800 else FINE)

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(1700)
        assert [round(when) for when, _ in scene.noticed] == [0], "what it said after a moment was the same"
        assert scene.looks.told(KEY, "uid", "first") == FINE
        await asyncio.sleep(600)

    scene.play(story)
    assert len(scene.noticed) == 2
    assert scene.looks.told(KEY, "uid", "first") == {}


def test_silent_servers_keep_no_other_one_waiting_for_long() -> None:
    scene = Scene(lambda host: FINE if host == "speaks" else None)

    async def story() -> None:
        for number in range(3 * WORKERS):
            scene.looks.follow(("team-a", f"silent-{number}"), server(address="silent"), serves_already=False)
        scene.looks.follow(KEY, server(address="speaks"), serves_already=False)
        await asyncio.sleep(100)

    scene.play(story)
    told = next(when for when, key in scene.noticed if key == KEY)
    assert told <= 3 * SILENT


def test_a_server_that_is_not_ready_is_not_asked_and_goes_on_where_it_was_when_it_is_again() -> None:
    scene = Scene()

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(100)
        scene.looks.pause(KEY)
        await asyncio.sleep(100)
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(500)
        scene.looks.pause(KEY)
        await asyncio.sleep(1300)
        assert scene.looks.told(KEY, "uid", "first") == FINE
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(1)

    scene.play(story)
    assert scene.times == [0, 600, 2000]


def test_what_is_rolled_out_while_a_server_is_asked_is_asked_instead() -> None:
    scene = Scene(lambda host: FINE if host == "new" else None)

    async def story() -> None:
        scene.looks.follow(KEY, server("first", "old"), serves_already=False)
        await asyncio.sleep(1)
        scene.looks.follow(KEY, server("second", "new"), serves_already=False)
        await asyncio.sleep(10)

    scene.play(story)
    assert [address for _, address in scene.asked] == ["old", "new"]
    assert scene.looks.told(KEY, "uid", "first") is None
    assert scene.looks.told(KEY, "uid", "second") == FINE


def test_another_stack_of_the_same_name_is_asked_at_once() -> None:
    scene = Scene()

    async def story() -> None:
        for uid in ("one", "another"):
            scene.looks.follow(KEY, server(uid=uid), serves_already=False)
            await asyncio.sleep(1)

    scene.play(story)
    assert scene.times == [0, 1]


def test_a_stack_that_went_is_not_asked_and_leaves_nothing() -> None:
    scene = Scene()

    async def story() -> None:
        scene.looks.follow(KEY, server(), serves_already=False)
        await asyncio.sleep(1)
        scene.looks.follow(("team-a", "never"), server(), serves_already=True)
        scene.looks.forget(KEY)
        scene.looks.forget(("team-a", "never"))
        await asyncio.sleep(2 * INTERVAL)

    scene.play(story)
    assert scene.times == [0]
    assert not (scene.looks._wanted or scene.looks._tries or scene.looks._last)
