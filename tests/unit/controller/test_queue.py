"""The work queue: each key once, never twice at a time, users' edits first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.controller.queue import MAX_DELAY, WorkQueue


def run(scenario: Callable[[WorkQueue[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario(WorkQueue())

    asyncio.run(main())


async def taken(queue: WorkQueue[str]) -> list[str]:
    """Take and finish all that is due."""
    keys = []
    while len(queue):
        key = await queue.get()
        keys.append(key)
        queue.done(key)
    return keys


def test_a_key_that_is_asked_for_twice_is_done_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.add("b")
        queue.add("a")
        assert await taken(queue) == ["a", "b"]

    run(scenario)


def test_a_key_that_is_asked_for_during_its_pass_is_done_again_afterwards() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        queue.add("b")
        assert await queue.get() == "b", "never two passes of one key at a time"
        queue.done("a")
        assert await queue.get() == "a"

    run(scenario)


def test_edits_come_before_the_first_list() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("listed-1", listed=True)
        queue.add("listed-2", listed=True)
        queue.add("edited")
        assert await taken(queue) == ["edited", "listed-1", "listed-2"]

    run(scenario)


def test_a_listed_key_that_is_edited_moves_up_and_is_done_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a", listed=True)
        queue.add("b", listed=True)
        queue.add("b")
        assert await taken(queue) == ["b", "a"]

    run(scenario)


def test_repetitions_wait_longer_each_time_and_success_forgets_them() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        delays = [queue.retry("a") for _ in range(12)]
        assert all(later > earlier for earlier, later in itertools.pairwise(delays))
        assert max(delays) <= MAX_DELAY
        queue.succeeded("a")
        assert queue.retry("a") < 1

    run(scenario)


def test_a_delayed_wish_comes_in_time_and_the_earlier_one_stands() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 60)
        queue.add_after("a", 0.01)
        queue.add_after("a", 60)
        async with asyncio.timeout(5):
            assert await queue.get() == "a"

    run(scenario)


def test_a_success_cancels_the_repetition_that_waits() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 0.01)
        queue.succeeded("a")
        await asyncio.sleep(0.05)
        queue.add("b")
        assert await queue.get() == "b"
        assert len(queue) == 0

    run(scenario)


def test_a_waiting_worker_wakes_for_a_new_key() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        workers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        for key in "abc":
            queue.add(key)
        async with asyncio.timeout(5):
            assert sorted(await asyncio.gather(*workers)) == ["a", "b", "c"]

    run(scenario)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["add", "get", "done"]))))
def test_whatever_happens_no_wish_is_lost_and_no_key_has_two_passes(steps: list[tuple[str, bool, str]]) -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        wanted, busy = set[str](), set[str]()
        for key, listed, step in steps:
            if step == "add":
                queue.add(key, listed)
                wanted.add(key)
            elif step == "get" and wanted - busy:
                got = await queue.get()
                assert got in wanted and got not in busy
                wanted.discard(got)
                busy.add(got)
            elif step == "done" and key in busy:
                queue.done(key)
                busy.discard(key)
        for key in busy:
            queue.done(key)
        assert set(await taken(queue)) == wanted

    run(scenario)
