"""A LlamaStack is deleted and no event tells: the operator writes nothing more for it, and keeps nothing of it.

The whole operator runs, kopf and all, against a server that can keep events to itself, as no real one does on demand.
Where a real one is cut off instead, and forgets what it was, is tests/faults/test_watching.py.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.configuration import Configuration

from llamastack_operator.controller.operator import Operator, OperatorSettings
from llamastack_operator.kube import backoff
from llamastack_operator.kube.client import Client
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.minimal import minimal
from tests.support.small_api import SmallApi
from tests.support.world import IMAGES

KEY = ("team-a", "bot")
LEFT = {"llamastacks", "deployments", "services", "serviceaccounts", "llamastackbuilds", "jobs"}
"""Kinds of which nothing is to be left."""
PLACE = ("llamastacks", *KEY)
PLAIN = minimal("bot")
PROVIDER = {"provider_id": "a", "provider_type": "remote::a", "module": "my-mod==1", "config": {}}
WITH_MODULE = minimal(
    "bot",
    runConfig={"version": 2, "providers": {"inference": [PROVIDER]}},
    build={"repository": "registry.example/team/stack"},
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_BACKOFF", 0.05)


def stack(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {"namespace": KEY[0], "name": KEY[1]}}


@asynccontextmanager
async def running(api: SmallApi) -> AsyncIterator[Operator]:
    async with TestServer(api.application()) as server:
        client = Client(Configuration(host=str(server.make_url("")).rstrip("/")))
        operator = Operator(client, OperatorSettings(workloads=WorkloadSettings(images=IMAGES)))
        stop = asyncio.Event()
        collector = asyncio.create_task(api.collect_garbage())
        running = asyncio.create_task(operator.run(stop))
        try:
            yield operator
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await asyncio.wait([running])
            collector.cancel()
            await client.close()
            if not running.cancelled():
                running.result()


async def until(check: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not check():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.02)


async def rest(api: SmallApi) -> None:
    """Wait until nothing was written for a while."""
    async with asyncio.timeout(30):
        seen = -1
        while seen != len(api.writes):
            seen = len(api.writes)
            await asyncio.sleep(0.6)


@asynccontextmanager
async def at_rest(body: dict[str, Any] = PLAIN) -> AsyncIterator[tuple[SmallApi, Operator]]:
    """Run an operator whose one stack has come to rest."""
    api = SmallApi()
    api.put("llamastacks", stack(body))
    async with running(api) as operator:
        await until(lambda: served(api))
        await rest(api)
        yield api, operator


def knows(operator: Operator) -> list[str]:
    """Return what the operator still keeps of the stack."""
    reconciler, gatherer = operator._reconciler, operator._reconciler._gatherer
    caches: dict[str, Any] = {f"children {kind}": cache for kind, cache in operator._children.items()}
    caches |= {"stacks": operator._stacks, "pods": operator._pods, "builds": operator._builds}
    kept: dict[str, Any] = {
        "memo": reconciler._memo._plans,
        "verified": gatherer._verified,
        "contents": gatherer._by_contents,
        "uses": operator._referents._used,
        "readings": operator._readings._asked,
        "queue": {*operator._queue._waiting, *operator._queue._due, *operator._queue._failures},
    }
    found = [name for name, cache in caches.items() if cache.has(KEY) or cache.get(KEY) is not None]
    return found + [name for name, keys in kept.items() if KEY in keys]


def gone(api: SmallApi, operator: Operator) -> bool:
    return not (LEFT & {plural for plural, *_ in api.objects}) and not knows(operator)


def served(api: SmallApi) -> bool:
    """Tell whether there is a server, or the try of a build that comes before."""
    return any(plural in ("deployments", "jobs") for plural, *_ in api.objects)


async def is_left_alone(api: SmallApi, operator: Operator) -> None:
    await until(lambda: gone(api, operator))
    await rest(api)
    api.writes.clear()
    await asyncio.sleep(1.0)
    assert (api.writes, knows(operator)) == ([], [])


@pytest.mark.parametrize("body", [PLAIN, WITH_MODULE], ids=["settled", "building"])
def test_between_two_lists_it_is_told_as_soon_as_the_second_one_is_there(body: dict[str, Any]) -> None:
    """The watch ends, the stack is deleted, and the watch that would go on is answered 410."""

    async def main() -> None:
        async with at_rest(body) as (api, operator):
            assert knows(operator)
            api.blind.add("llamastacks")
            api.remove(PLACE)
            api.blind.clear()
            lists = api.lists["llamastacks"]
            api.expire("llamastacks")
            await is_left_alone(api, operator)
            assert api.lists["llamastacks"] == lists + 1

    asyncio.run(main())


@pytest.mark.parametrize("body", [PLAIN, WITH_MODULE], ids=["settled", "building"])
def test_while_no_list_tells_either_it_is_asked_for_before_anything_is_made_again(body: dict[str, Any]) -> None:
    async def main() -> None:
        async with at_rest(body) as (api, operator):
            api.blind.add("llamastacks")
            api.remove(PLACE)
            api.writes.clear()
            await is_left_alone(api, operator)

    asyncio.run(main())


def test_before_its_last_edit_was_looked_at_it_costs_no_more_than_one_pass() -> None:
    """The status of a generation that was never observed is refused, and that is not forgotten."""

    async def main() -> None:
        async with at_rest() as (api, operator):
            api.writes.clear()
            first = api.objects[PLACE]
            edited = {**first, "spec": {**first["spec"], "server": {"replicas": 2}}}
            api.put("llamastacks", {**edited, "metadata": {**first["metadata"], "generation": 2}})
            api.blind.add("llamastacks")
            api.remove(PLACE)
            await until(lambda: gone(api, operator))
            await rest(api)
            applied = [write for write in api.writes if write.plural == "deployments"]
            assert len(applied) <= 1
            await is_left_alone(api, operator)

    asyncio.run(main())


def test_another_one_of_its_name_is_served() -> None:
    async def main() -> None:
        async with at_rest() as (api, operator):
            api.blind.add("llamastacks")
            api.remove(PLACE)
            api.put("llamastacks", stack(PLAIN))
            api.blind.clear()
            api.expire("llamastacks")
            uid = api.objects[PLACE]["metadata"]["uid"]
            await until(lambda: api.objects[PLACE].get("status"))
            kept = operator._stacks.get(KEY)
            assert kept is not None
            assert kept.uid == uid

    asyncio.run(main())


def watched(api: SmallApi, times: int) -> bool:
    return api.watches["llamastacks"] == times


def test_an_error_of_the_watch_ends_nothing() -> None:
    """kopf would end the process at the first one."""

    async def main() -> None:
        api = SmallApi()
        async with running(api):
            for number in range(1, 4):
                await until(functools.partial(watched, api, number))
                api.tell_all("llamastacks", {"type": "ERROR", "object": {"kind": "Status", "code": 500}})
            await until(lambda: api.lists["llamastacks"] == 2)
            api.put("llamastacks", stack(PLAIN))
            await until(lambda: api.objects[PLACE].get("status"))

    asyncio.run(main())
