"""How often the status of a stack is written where somebody else writes it, too.

The client is a fake that counts: how many requests there would be in ten minutes cannot be waited for.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from llamastack_operator.controller.stack.ghosts import UnfoundError
from llamastack_operator.controller.stack.report import StatusReporter
from llamastack_operator.kube.brake import AT_ONCE, Brake
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.events import EventRecorder
from llamastack_operator.objects.resources import Resource
from llamastack_operator.planning.stack.stack import Stack, stack_from
from tests.support.world import llamastack

Status = dict[str, Any]


class Server:
    """Takes every status, unless it is told not to know the stack, or to be away."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.knows, self.away = True, False

    async def apply(self, resource: Resource, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not self.knows:
            raise ApiError(404, {})
        if self.away:
            raise ApiError(503, {"message": "away"})
        self.statuses.append(body["status"])
        return {"metadata": {**body["metadata"], "resourceVersion": str(10**9 + len(self.statuses)), "generation": 2}}

    async def create(self, resource: Resource, body: dict[str, Any]) -> None:
        """Take an Event."""


class Scene:
    def __init__(self) -> None:
        self.now, self.server = 0.0, Server()
        self.stacks: Cache[Stack] = Cache()
        self.stack = stack_from(llamastack())
        self.stacks.put(self.stack)
        client = cast(Client, self.server)
        brake = Brake(lambda: self.now)
        self.reporter = StatusReporter(client, self.stacks, EventRecorder(client, "op"), brake)

    def report(self, status: Status, seen: Status | None = None) -> bool:
        """Report a status of a stack that has another by now."""
        stack = replace(self.stack, status={"url": "theirs"} if seen is None else seen)
        return asyncio.run(self.reporter.report(stack, status, lambda: {**status, "contended": True}))


def ready(time: str) -> Status:
    condition = {"type": "Ready", "status": "True", "reason": "Ready", "message": "m", "lastTransitionTime": time}
    return {"conditions": [condition]}


def test_a_status_that_stands_is_not_written() -> None:
    scene = Scene()
    assert scene.report(ready("1"), seen=ready("1"))
    assert scene.server.statuses == []


def test_a_written_status_is_known_from_then_on() -> None:
    scene = Scene()
    assert scene.report(ready("1"))
    known = scene.stacks.get(scene.stack.key)
    assert known is not None
    assert known.status == ready("1")


def test_one_that_somebody_overwrites_is_written_a_few_times_and_then_told_as_contended() -> None:
    scene = Scene()
    stood = [scene.report(ready(str(number))) for number in range(40)]
    assert stood == [True] * AT_ONCE + [False] * (40 - AT_ONCE)
    told = ["contended" in status for status in scene.server.statuses]
    assert told == [False] * AT_ONCE + [True] * AT_ONCE, "and the one that tells it is not fought for either"


def test_in_ten_minutes_there_are_a_few_writes_a_minute() -> None:
    scene = Scene()
    for second in range(600):
        scene.now = float(second)
        scene.report(ready(str(second)))
    assert len(scene.server.statuses) <= 2 * (AT_ONCE + 10)


def test_a_stack_that_goes_up_and_down_is_always_told() -> None:
    scene = Scene()
    for number in range(20):
        assert scene.report({**ready("1"), "replicas": number % 2})
    assert len(scene.server.statuses) == 20


def test_a_new_stack_of_the_name_begins_anew() -> None:
    scene = Scene()
    for _ in range(AT_ONCE):
        scene.report(ready("1"))
    scene.reporter.forget(scene.stack.key)
    assert scene.report(ready("1"))


def test_one_of_a_stack_that_is_not_found_is_no_status_that_stands() -> None:
    """A stack whose delete was missed would else be reported on without end."""
    scene = Scene()
    scene.server.knows = False
    with pytest.raises(UnfoundError):
        scene.report({"url": "ours"})


def test_an_api_server_that_is_away_for_a_while_is_no_contention() -> None:
    scene = Scene()
    scene.server.away = True
    for _ in range(3 * AT_ONCE):
        with pytest.raises(ApiError):
            scene.report(ready("1"))
    scene.server.away = False
    assert scene.report(ready("1"))
    assert scene.server.statuses == [ready("1")]
