"""When the operator calls itself ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from llamastack_operator.controller.metrics.passes import LoopLag
from llamastack_operator.controller.metrics.readiness import why_unready
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.objects.child import Key


@dataclass
class Informer:
    """What is asked of an informer: a real one needs an API server to come into step."""

    plural: str
    is_synced: bool = True


def told(
    monkeypatch: pytest.MonkeyPatch, *informers: Informer, later: float = 0.0, fill: Callable[[WorkQueue[Key]], None]
) -> str:
    queue: WorkQueue[Key] = WorkQueue()
    fill(queue)
    begin = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begin + later)
    return why_unready(informers, {"stack": queue}, LoopLag(CollectorRegistry()))


def test_an_operator_in_step_without_old_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, Informer("pods"), fill=lambda queue: queue.add(("team-a", "bot"))) == ""


def test_one_that_is_not_in_step_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    informers = (Informer("services", False), Informer("pods", False), Informer("jobs"))
    assert told(monkeypatch, *informers, fill=lambda _: None) == "not in step yet: pods, services"


def test_one_whose_edits_wait_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(monkeypatch, Informer("pods"), later=40, fill=lambda queue: queue.add(("team-a", "bot")))
    assert words == "1 passes of kind stack wait, the first for 40 s"


def test_what_a_first_list_brought_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    fill: Callable[[WorkQueue[Key]], None] = lambda queue: queue.add(("team-a", "bot"), listed=True)  # noqa: E731
    assert told(monkeypatch, Informer("pods"), later=40, fill=fill) == ""


def test_one_whose_event_loop_is_held_up_is_not() -> None:
    async def held_up() -> str:
        lag = LoopLag(CollectorRegistry())
        task = asyncio.create_task(lag.run())
        await asyncio.sleep(0.1)
        time.sleep(2.5)  # noqa: ASYNC251 - this is what is looked for
        await asyncio.sleep(0.1)
        task.cancel()
        return why_unready([], {}, lag)

    assert asyncio.run(held_up()).startswith("the event loop is 1.")
