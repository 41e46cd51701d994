"""When running servers are asked how their providers are, apart from all passes.

Each look makes a server ask its vendors. So one is asked once its pods of a revision are ready, and every ten minutes
at most after that; after a restart of the operator those that serve already are spread over these ten minutes. What is
told of a stack changes once a minute at most. One that does not answer is tried a few times; then nothing is told.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.objects.child import Key
from llamastack_operator.probe.health import provider_health

WORKERS = 16
"""How many servers are asked side by side."""
INTERVAL = 600.0
"""Seconds between two looks at one revision's server."""
LEAST = 60.0
"""Seconds between two looks at the servers of one stack, of whatever revisions."""
TRIES = 6
"""How often a server is asked for one look, before nothing is told of it."""

Ask = Callable[[str, int, Collection[ProviderName]], Awaitable[Mapping[ProviderName, Health] | None]]


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asked.

    Attributes:
        uid: the UID of the stack.
        revision: the revision of its pods.
        address: the ClusterIP of its Service.
        port: its port.
        providers: those that matter.
    """

    uid: str
    revision: str
    address: str
    port: int
    providers: frozenset[ProviderName] = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Look:
    """What came of a look: at whom, when by the loop's clock, and what was told."""

    uid: str
    revision: str
    at: float
    health: Mapping[ProviderName, Health]

    def is_at(self, uid: str, revision: str) -> bool:
        return (self.uid, self.revision) == (uid, revision)


class Looks:
    """Asks servers for their providers' health.

    Args:
        notice: called with the key of a stack when its server says something else than before.
        ask: asks the server at an address and port.
    """

    def __init__(self, notice: Callable[[Key], None], ask: Ask = provider_health) -> None:
        self._notice = notice
        self._ask = ask
        self._queue: WorkQueue[Key] = WorkQueue()
        self._wanted: dict[Key, Server] = {}
        self._tries: dict[Key, int] = {}
        self._last: dict[Key, _Look] = {}

    def told(self, key: Key, uid: str, revision: str) -> Mapping[ProviderName, Health] | None:
        """Return what the server of a revision said last; None where it is yet to be asked."""
        last = self._last.get(key)
        return last.health if last is not None and last.is_at(uid, revision) else None

    def follow(self, key: Key, server: Server, serves_already: bool) -> None:
        """Have the server of a stack asked whenever it is due.

        Args:
            key: the stack.
            server: its server, which is ready.
            serves_already: whether it was ready before this operator saw it first.
        """
        before = self._wanted.get(key)
        self._wanted[key] = server
        if before != server:
            self._tries.pop(key, None)
            self._queue.succeeded(key)
            self._queue.add_after(key, self._wait(key, server, serves_already))

    def pause(self, key: Key) -> None:
        """Ask the server of a stack no more, until it is to be followed again."""
        if self._wanted.pop(key, None) is not None:
            self._tries.pop(key, None)
            self._queue.succeeded(key)

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self.pause(key)
        self._last.pop(key, None)

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that ask."""
        for _ in range(WORKERS):
            yield self._queue.serve(self._look)

    def _wait(self, key: Key, server: Server, serves_already: bool) -> float:
        """Return the seconds until the first look at a server."""
        last = self._last.get(key)
        if last is None or last.uid != server.uid:
            return zlib.crc32(server.uid.encode()) / 2**32 * INTERVAL if serves_already else 0.0
        least = INTERVAL if last.revision == server.revision else LEAST
        return max(0.0, last.at + least - asyncio.get_running_loop().time())

    async def _look(self, key: Key) -> None:
        server = self._wanted.get(key)
        if server is None:
            return
        health = await self._ask(server.address, server.port, server.providers)
        if self._wanted.get(key) != server:
            return  # Another one serves, or none: that has its own time.
        last = self._last.get(key)
        if health is None and self._may_help(key, last, server):
            self._queue.retry(key)
            return
        self._queue.succeeded(key)
        self._tries.pop(key, None)
        told = health or {}
        now = asyncio.get_running_loop().time()
        self._last[key] = _Look(server.uid, server.revision, now, told)
        self._queue.add_after(key, INTERVAL)
        if last is None or not last.is_at(server.uid, server.revision) or last.health != told:
            self._notice(key)

    def _may_help(self, key: Key, last: _Look | None, server: Server) -> bool:
        """Count a try that failed, and tell whether another one may help: not where nothing was told before either,
        for silent servers would keep those busy who ask."""
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        was_silent = last is not None and last.is_at(server.uid, server.revision) and not last.health
        return tries < TRIES and not was_silent
