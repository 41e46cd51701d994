"""Small instruments: percentiles, memory and CPU time of processes, requests from the API server's audit log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_operator.kube.client import Client, Object
from llamastack_operator.objects.resources import Resource

_TICK = os.sysconf("SC_CLK_TCK")
_LOOK = 0.2
"""Seconds between two looks at memory."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def processes(pid: int) -> list[int]:
    """Return a process and all that it started, as far as they are there."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def memory_mb(pid: int) -> float:
    """Return the memory of a process and all that it started in MB; what they share counts once (PSS)."""
    return sum(map(_proportional_kb, processes(pid))) / 1024


@contextlib.asynccontextmanager
async def peak_memory(pid: Callable[[], int]) -> AsyncIterator[Peak]:
    """Look at the memory of a process and all that it started a few times a second meanwhile.

    Args:
        pid: says which process it is at the time; raises LookupError where there is none.
    """
    peak = Peak()

    async def look() -> None:
        while True:
            with contextlib.suppress(LookupError):
                peak.megabytes = max(peak.megabytes, memory_mb(pid()))
            await asyncio.sleep(_LOOK)

    async with meanwhile(look()):
        yield peak


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do what has no end of its own until the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass
class Peak:
    """The most memory that was seen, in MB."""

    megabytes: float = 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time in seconds of a process and all that it started, also of those that it has seen end."""
    return sum(map(_ticks, processes(pid))) / _TICK


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def _proportional_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


async def side_by_side(jobs: Iterable[Awaitable[None]], most: int) -> None:
    """Await all jobs, so many at a time."""
    gate = asyncio.Semaphore(most)

    async def gated(job: Awaitable[None]) -> None:
        async with gate:
            await job

    await asyncio.gather(*(gated(job) for job in jobs))


async def listed(client: Client, resource: Resource, namespace: str, metadata_only: bool = True) -> list[Object]:
    """Return all objects of a kind in a namespace."""
    found: list[Object] = []
    # A page of whole stacks has to stay below what the client reads of one.
    query = {"limit": "500" if metadata_only else "100"}
    while True:
        page = await client.list_page(resource, namespace, query, metadata_only)
        found += page.get("items") or []
        if not page["metadata"].get("continue"):
            return found
        query["continue"] = page["metadata"]["continue"]


class AuditLog:
    """Counts the requests of one user agent.

    Args:
        path: the audit log, JSON lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def mark(self) -> None:
        """Forget what was logged so far."""
        self._offset = self._path.stat().st_size

    def requests(self, *agents: str) -> Counter[tuple[str, str]]:
        """Return how often each (verb, resource) was asked for since the mark by agents of these names."""
        counts: Counter[tuple[str, str]] = Counter()
        for entry in self._entries(agents):
            reference = entry.get("objectRef") or {}
            name = "/".join(filter(None, (reference.get("resource", "-"), reference.get("subresource"))))
            counts[entry["verb"], name] += 1
        return counts

    def objects(self, verb: str, *agents: str) -> list[tuple[str, str]]:
        """Return resource and name of each request with this verb since the mark by agents of these names."""
        references = [entry.get("objectRef") or {} for entry in self._entries(agents) if entry["verb"] == verb]
        return [(reference.get("resource", ""), reference.get("name", "")) for reference in references]

    def _entries(self, agents: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                entry = json.loads(line)
                if entry.get("userAgent", "").startswith(agents):
                    yield entry
