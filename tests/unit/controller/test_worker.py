"""The one loop that runs passes: what comes after a pass, and what a failing one does to others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.controller.worker import FollowUp, Worker
from llamastack_operator.kube.client import ApiError
from llamastack_operator.objects.child import Key

TERMINATING = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}


def passes(answers: list[FollowUp | Exception], keys: tuple[str, ...] = ("a",), wait: float = 0.0) -> list[str]:
    """Run a worker until all answers are used and `wait` seconds more; return the names whose pass was run."""
    run: list[str] = []

    async def main() -> None:
        used = asyncio.Event()
        queue: WorkQueue[Key] = WorkQueue()

        async def reconcile(key: Key) -> FollowUp:
            run.append(key[1])
            answer = answers.pop(0) if answers else FollowUp(settled=True)
            if not answers:
                used.set()
            if isinstance(answer, Exception):
                raise answer
            return answer

        for name in keys:
            queue.add(("team-a", name))
        task = asyncio.create_task(Worker(queue, reconcile, "stack").run())
        async with asyncio.timeout(20):
            await used.wait()
        await asyncio.sleep(wait)
        task.cancel()

    asyncio.run(main())
    return run


FAILURES: list[Callable[[], Exception]] = [
    lambda: ApiError(500, {}),
    TimeoutError,
    lambda: OSError("gone"),
    lambda: KeyError("a defect"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_pass_that_fails_is_run_again_after_those_that_wait(failure: Callable[[], Exception]) -> None:
    settled = FollowUp(settled=True)
    assert passes([failure(), settled, settled], keys=("bad", "good")) == ["bad", "good", "bad"]


def test_a_pass_that_leaves_something_to_do_is_run_again() -> None:
    assert passes([FollowUp(settled=False), FollowUp(settled=True)], wait=0.1) == ["a", "a"]


def test_a_settled_pass_is_not_run_again_but_when_its_time_comes() -> None:
    assert passes([FollowUp(settled=True)], wait=0.7) == ["a"]
    assert passes([FollowUp(settled=True, again=0.01), FollowUp(settled=True)]) == ["a", "a"]


def test_what_goes_with_its_namespace_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    assert passes([ApiError(403, TERMINATING)], wait=0.7) == ["a"]
    assert caplog.records == []


def test_a_pass_is_not_tried_again_before_the_api_server_asked_for_it() -> None:
    assert passes([ApiError(429, {}, retry_after=30.0)], wait=0.7) == ["a"]


def test_a_defect_is_logged_with_its_place_and_the_object(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        passes([KeyError("a defect"), FollowUp(settled=True)])
    (record,) = caplog.records
    assert record.getMessage() == "stack team-a/a: the pass failed"
    assert record.exc_info is not None
