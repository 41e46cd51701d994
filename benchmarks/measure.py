"""Small instruments: percentiles, a process' memory and CPU time, requests from the API server's audit log."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from llamastack_operator.kube.client import Client, Object
from llamastack_operator.objects.resources import Resource

_TICK = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def memory_mb(pid: int, peak: bool = False) -> float:
    """Return the resident memory of a process in MB, now or at its peak."""
    field = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


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
    query = {"limit": "500"}
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
