"""The versions that running servers report, asked apart from all passes: a server that does not answer delays nobody.

A server is asked once for each rollout, and a few times more where it does not tell: its Service is refused for a
moment after its pods are ready, and one behind a login or a network policy never answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.objects.child import Key
from llamastack_operator.probe.version import server_version

WORKERS = 16
"""How many servers are asked side by side."""
TRIES = 6
"""How often the server of one rollout is asked before that is given up."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Whose server is asked.

    Attributes:
        uid: the UID of the stack.
        generation: the generation that its pods run.
        address: the ClusterIP of its Service.
        port: its port.
    """

    uid: str
    generation: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Told:
    """What came of asking.

    Attributes:
        release: the version that the server reports; None where it does not tell.
    """

    release: str | None


class Versions:
    """Asks servers for their versions.

    Args:
        notice: called with the key of a stack when its server has told, or never will.
        ask: asks the server at an address and port.
    """

    def __init__(
        self, notice: Callable[[Key], None], ask: Callable[[str, int], Awaitable[str | None]] = server_version
    ) -> None:
        self._notice = notice
        self._ask = ask
        self._queue: WorkQueue[Key] = WorkQueue()
        self._wanted: dict[Key, Rollout] = {}
        self._tries: dict[Key, int] = {}
        self._told: dict[Key, tuple[Rollout, Told]] = {}

    def of(self, key: Key, rollout: Rollout) -> Told | None:
        """Return what the server of a rollout told; None where it is yet to be asked, and the key will be noticed."""
        known = self._told.get(key)
        if known is not None and known[0] == rollout:
            return known[1]
        if self._wanted.get(key) != rollout:
            self._wanted[key] = rollout
            self._tries.pop(key, None)
            self._queue.add(key)
        return None

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        for known in (self._wanted, self._tries, self._told):
            known.pop(key, None)

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that ask."""
        for _ in range(WORKERS):
            yield self._queue.serve(self._look)

    async def _look(self, key: Key) -> None:
        rollout = self._wanted.get(key)
        if rollout is None:
            return
        release = await self._ask(rollout.address, rollout.port)
        if self._wanted.get(key) != rollout:
            return  # Another one is rolled out, and waits for its own turn.
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        if release is None and tries < TRIES:
            self._queue.retry(key)
            return
        self._queue.succeeded(key)
        self._wanted.pop(key)
        self._tries.pop(key)
        self._told[key] = (rollout, Told(release))
        self._notice(key)
