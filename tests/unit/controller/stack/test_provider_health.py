"""Whose server is asked how its providers are, and what passes know of it.

The server is scripted: which stacks have theirs asked is the point; the look itself is tested in tests/unit/probe.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.controller.stack.looks import Looks
from llamastack_operator.controller.stack.provider_health import ProviderHealth
from llamastack_operator.objects.child import Child, Key
from llamastack_operator.objects.resources import SERVICES
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.reading import NOTHING_READ, Provider, ProviderState
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from tests.support.conditions import NOW
from tests.support.skipping import run_skipping
from tests.support.world import child, deployment, llamastack, pod, snapshot, with_facts
from tests.unit.probe.servers import reply, serving

KEY: Key = ("team-a", "bot")
MODEL: ProviderName = ("inference", "a")
ILL: Mapping[ProviderName, Health] = {MODEL: "Error"}
PROVIDER = Provider("inference", "a", "remote::vllm", "", ProviderState.READY, "")
READ = replace(NOTHING_READ, complete=True, digest="d", providers=(PROVIDER,))


def seen(
    *,
    runs: Child | None = None,
    address: str = "10.96.0.9",
    status: Mapping[str, Any] | None = None,
    providers: tuple[Provider, ...] = (PROVIDER,),
    **spec: Any,
) -> Snapshot:
    """Return a stack with a Service; its server is ready unless another Deployment is given."""
    body = llamastack(status=dict(status or {}), **spec)
    service = child(SERVICES, spec={"clusterIP": address})
    found = snapshot(body, runs or deployment(), service, pod(ready=runs is None))
    return with_facts(found, reading=replace(READ, providers=providers))


class Scene:
    """Passes of one stack, whose server says that its provider is ill.

    Attributes:
        asked: what was asked, and of which providers.
        noticed: the stacks that were noticed.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Collection[ProviderName]]] = []
        self.noticed: list[Key] = []
        self._looks = Looks(self.noticed.append, self._ask)
        self.health = ProviderHealth(self._looks)

    async def _ask(
        self, host: str, port: int, providers: Collection[ProviderName]
    ) -> Mapping[ProviderName, Health] | None:
        self.asked.append((host, port, providers))
        return ILL

    def passes(self, *stacks: Snapshot | None, seconds: float = 1) -> list[Mapping[ProviderName, Health] | None]:
        """Run a pass of each, or of none where the stack went, with so many seconds after it; return what each knew."""

        async def main() -> list[Mapping[ProviderName, Health] | None]:
            tasks = [asyncio.ensure_future(work) for work in self._looks.workers()]
            known = []
            for stack in stacks:
                if stack is None:
                    self.health.forget(KEY)
                else:
                    known.append(self.health.told(stack))
                    self.health.follow(stack, status_of(stack, PassOutcome(health=known[-1]), NOW))
                await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            return known

        return run_skipping(main())


def test_a_server_that_became_ready_is_asked_at_its_own_address_of_the_providers_in_the_status() -> None:
    scene = Scene()
    assert scene.passes(seen(), seen()) == [None, ILL]
    assert scene.asked == [("10.96.0.9", 8321, {MODEL})]
    assert scene.noticed == [KEY]


def test_one_that_was_ready_before_the_operator_started_has_its_time_within_ten_minutes() -> None:
    at_rest = seen(status=status_of(seen(), PassOutcome(), NOW))
    for seconds, asked in ((1, 0), (600, 1)):
        scene = Scene()
        assert scene.passes(at_rest, seconds=seconds) == [None]
        assert len(scene.asked) == asked


@pytest.mark.parametrize(
    "stack",
    {
        "no pod is ready": seen(runs=deployment(available=0)),
        "its Service has no address yet": seen(address=""),
        "its Service is to have no address": seen(address="None"),
        "it has no provider": seen(providers=()),
        "it is suspended": seen(runs=deployment(wanted=0), suspend=True),
    }.items(),
    ids=lambda case: case[0],
)
def test_nobody_is_asked_where(stack: tuple[str, Snapshot]) -> None:
    scene = Scene()
    scene.passes(stack[1], seconds=3600)
    assert scene.asked == []


def test_of_one_that_is_not_ready_any_more_what_it_said_stays_known() -> None:
    scene = Scene()
    assert scene.passes(seen(), seen(runs=deployment(available=0)), seconds=100) == [None, ILL]


def test_of_a_suspended_stack_nothing_is_told_and_when_it_goes_on_it_is_asked_anew() -> None:
    scene = Scene()
    suspended = seen(runs=deployment(wanted=0), suspend=True)
    assert scene.passes(seen(), suspended, seen(), seen()) == [None, {}, None, ILL]
    assert len(scene.asked) == 2


def test_a_stack_that_went_is_asked_no_more() -> None:
    scene = Scene()
    scene.passes(seen(), None, seconds=3500)
    assert len(scene.asked) == 6, "within the first hour"


def test_where_it_is_switched_off_nobody_is_asked_and_nothing_is_told() -> None:
    health = ProviderHealth(None)
    health.follow(seen(), status_of(seen(), PassOutcome(), NOW))
    health.forget(KEY)
    assert health.told(seen()) == {}


def test_what_a_real_server_says_gets_into_the_row_and_its_words_do_not() -> None:
    health = {"status": "Error", "message": "canary-4711-of-a-secret is no key"}
    said = {"api": "inference", "provider_id": "a", "provider_type": "remote::vllm", "config": {}, "health": health}

    async def main(stack: Snapshot) -> dict[str, Any]:
        noticed = asyncio.Event()
        looks = Looks(lambda _: noticed.set())
        follower = ProviderHealth(looks)
        before = status_of(stack, PassOutcome(health=follower.told(stack)), NOW)
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(work) for work in looks.workers()]
            follower.follow(stack, before)
            await noticed.wait()
            for work in working:
                work.cancel()
        after = with_facts(stack, stack=replace(stack.stack, status=before))
        return status_of(after, PassOutcome(health=follower.told(after)), NOW)

    with serving(reply(json.dumps({"data": [said]}).encode())) as (port, asked):
        status = asyncio.run(main(seen(address="127.0.0.1", server={"port": port})))
    assert asked == ["/v1/providers"]
    assert [row["health"] for row in status["providers"]] == ["Error"]
    assert "canary" not in json.dumps(status)
