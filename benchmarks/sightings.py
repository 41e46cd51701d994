"""What a watch sees meanwhile: when objects were as wanted, and which statuses they had on the way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

from benchmarks.measure import meanwhile
from llamastack_operator.kube.client import Client, Object
from llamastack_operator.objects.resources import Resource


class Sightings:
    """What a watch has seen.

    Attributes:
        times: when each object was first as wanted, by name.
        statuses: the statuses that each object had, one after the other, by name.
    """

    def __init__(self, wanted: Callable[[Object], bool]) -> None:
        self._wanted = wanted
        self.times: dict[str, float] = {}
        self.statuses: dict[str, list[Object]] = defaultdict(list)

    def note(self, body: Object) -> None:
        """Take an object as it is now."""
        name, status = body["metadata"]["name"], body.get("status")
        if self._wanted(body):
            self.times.setdefault(name, time.monotonic())
        if status and self.statuses[name][-1:] != [status]:
            self.statuses[name].append(status)


@contextlib.asynccontextmanager
async def seen(
    client: Client, resource: Resource, namespace: str, wanted: Callable[[Object], bool]
) -> AsyncIterator[Sightings]:
    """Watch a namespace meanwhile, and note when each object was first as wanted."""
    sightings = Sightings(wanted)
    page = await client.list_page(resource, namespace, {"limit": "1"})

    async def follow() -> None:
        query = {"resourceVersion": page["metadata"]["resourceVersion"]}
        async for event in client.watch(resource, namespace, query):
            if event["type"] in ("ADDED", "MODIFIED"):
                sightings.note(event["object"])

    async with meanwhile(follow()):
        yield sightings


async def until_all(sightings: Sightings, count: int, timeout: float = 600) -> float:  # noqa: ASYNC109
    """Wait until `count` objects were seen; return the time of the last."""
    async with asyncio.timeout(timeout):
        while len(sightings.times) < count:
            await asyncio.sleep(0.02)
    return max(sightings.times.values())


def settled(generation: int) -> Callable[[Object], bool]:
    """Return a test for stacks whose status is of a generation."""
    return lambda body: (body.get("status") or {}).get("observedGeneration", 0) >= generation
