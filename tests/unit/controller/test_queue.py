"""The work queue: each key once, never twice at a time, users' edits first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llamastack_operator.controller.queue import FIRST_DELAY, MAX_ASKED, MAX_DELAY, WorkQueue


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


def test_an_edited_key_that_is_listed_again_keeps_its_place() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.add("b")
        queue.add("a", listed=True)
        assert await taken(queue) == ["a", "b"]

    run(scenario)


@pytest.mark.parametrize(("listed", "expected"), [([True], ["x", "a"]), ([True, False, True], ["a", "x"])])
def test_what_is_asked_for_during_a_pass_waits_as_listed_only_if_nobody_was_urgent(
    listed: list[bool], expected: list[str]
) -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("x", listed=True)
        for wish in listed:
            queue.add("a", wish)
        queue.done("a")
        assert await taken(queue) == expected

    run(scenario)


def test_a_repetition_waits_up_to_twice_as_long_after_each_failure_and_never_too_long() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for failures in range(20):
            most = min(MAX_DELAY, FIRST_DELAY * 2**failures)
            assert 0.75 * most <= queue.retry("a") <= most

    run(scenario)


def test_the_api_server_may_ask_for_more_time_but_not_for_a_day() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        assert queue.retry("a", asked=17.0) == 17.0
        assert queue.retry("a", asked=0.001) >= 0.75 * 2 * FIRST_DELAY
        assert queue.retry("a", asked=86_400.0) == MAX_ASKED

    run(scenario)


def test_a_success_forgets_the_failures_of_that_key_alone() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for _ in range(5):
            queue.retry("a")
            queue.retry("b")
        queue.succeeded("a")
        assert queue.retry("a") <= FIRST_DELAY
        assert queue.retry("b") > FIRST_DELAY

    run(scenario)


def test_a_repetition_that_waits_does_not_hold_back_a_wish() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 60)
        queue.add("a")
        assert await taken(queue) == ["a"]

    run(scenario)


def test_an_earlier_key_shortens_the_sleep_of_a_worker() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add_after("late", 60)
        worker = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add_after("soon", 0.01)
        assert await asyncio.wait_for(worker, 5) == "soon"

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


def test_passes_without_end_leave_nothing_behind() -> None:
    """Each pass of a stack that looks again in a month forgets the look that was planned before it."""

    async def scenario(queue: WorkQueue[str]) -> None:
        for number in range(5_000):
            queue.add("a")
            key = await queue.get()
            queue.succeeded(key)
            queue.add_after(key, 30 * 86400.0 + number % 7)
            queue.done(key)
        assert len(queue._delayed) <= 100

    run(scenario)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), max_size=400))
def test_what_is_forgotten_is_never_what_is_due(steps: list[tuple[str, bool, int]]) -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for key, over, delay in steps:
            if over:
                queue.succeeded(key)
            queue.add_after(key, 1000.0 + delay)
            assert {(entry[2], entry[0]) for entry in queue._delayed} >= set(queue._due.items())
            assert len(queue._delayed) <= 2 * len(queue._due) + 65

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


class Model:
    """The queue as one would explain it: two lanes, the keys in a pass, and the wishes that came meanwhile."""

    def __init__(self) -> None:
        self.urgent: list[str] = []
        self.listed: list[str] = []
        self.running: list[str] = []
        self.meanwhile: dict[str, bool] = {}

    def add(self, key: str, listed: bool) -> None:
        if key in self.running:
            self.meanwhile[key] = listed and self.meanwhile.get(key, True)
        elif listed and key not in self.urgent + self.listed:
            self.listed.append(key)
        elif not listed and key not in self.urgent:
            self.listed = [other for other in self.listed if other != key]
            self.urgent.append(key)

    def next(self) -> list[str]:
        """Return the keys that may come now: the first urgent one, or else any listed one."""
        return self.urgent[:1] or self.listed

    def take(self, key: str) -> None:
        (self.urgent or self.listed).remove(key)
        self.running.append(key)

    def done(self) -> str | None:
        if not self.running:
            return None
        key = self.running.pop(0)
        if key in self.meanwhile:
            self.add(key, self.meanwhile.pop(key))
        return key


STEPS = st.tuples(st.sampled_from(["add", "get", "done"]), st.sampled_from("abcd"), st.booleans())
ADD_A, ADD_B, GET, DONE = ("add", "a", False), ("add", "b", False), ("get", "", False), ("done", "", False)


@given(st.lists(STEPS))
@example([ADD_A, ADD_A, GET, DONE, ADD_B, ADD_A, GET])
def test_whatever_happens_the_keys_come_as_in_the_simple_model(steps: list[tuple[str, str, bool]]) -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        model = Model()
        for step, key, listed in steps:
            if step == "add":
                model.add(key, listed)
                queue.add(key, listed)
            elif step == "get" and (possible := model.next()):
                got = await queue.get()
                assert got in possible
                model.take(got)
            elif step == "done" and (finished := model.done()) is not None:
                queue.done(finished)
            assert len(queue) == len(model.urgent) + len(model.listed) + len(model.meanwhile)

    run(scenario)


def test_each_lane_tells_how_many_wait_and_for_how_long() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        begin = time.monotonic()
        queue.add("edited")
        queue.add("listed", listed=True)
        queue.add("moves-up", listed=True)
        queue.add("moves-up")
        lanes = queue.lanes(begin + 10)
        assert {lane: count for lane, (count, _) in lanes.items()} == {"urgent": 2, "listed": 1}
        assert 9 < lanes["urgent"][1] <= 10
        await taken(queue)
        assert queue.lanes(begin + 10) == {"urgent": (0, 0.0), "listed": (0, 0.0)}

    run(scenario)
