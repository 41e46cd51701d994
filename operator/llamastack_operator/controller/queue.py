"""A keyed work queue: each key once, never two passes of one key at a time, users' edits before the first list.

The same semantics as client-go's work queue, with the priorities of controller-runtime's: after a restart with
thousands of stacks, an edit must not wait behind all of them.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable

from llamastack_operator.kube.backoff import MAX_ASKED

FIRST_DELAY = 0.5
"""Seconds before the first repetition of a failed pass."""
MAX_DELAY = 60.0
"""Seconds that a repetition waits at most, unless the API server asks for more."""
_SPARE = 64
"""Repetitions beside those that are due which may be remembered before they are cleared away."""


class WorkQueue[K: Hashable]:
    """Keys that need a pass."""

    def __init__(self) -> None:
        self._urgent: deque[K] = deque()
        self._listed: deque[K] = deque()
        # Whether a key waits in the listed lane, and since when it waits at all.
        self._waiting: dict[K, bool] = {}
        self._since: dict[K, float] = {}
        self._busy: set[K] = set()
        self._again: dict[K, bool] = {}
        self._delayed: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._serial = itertools.count()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def add(self, key: K, listed: bool = False) -> None:
        """Ask for a pass of a key.

        Args:
            key: the key.
            listed: whether the wish comes from a first list and may wait behind others.
        """
        if key in self._busy:
            self._again[key] = self._again.get(key, True) and listed
            return
        if key in self._waiting and (listed or not self._waiting[key]):
            return
        # A key that moves up from the listed lane stays there as a stale entry, which `get` passes over.
        self._waiting[key] = listed
        self._since.setdefault(key, time.monotonic())
        (self._listed if listed else self._urgent).append(key)
        self._wake.set()

    def add_after(self, key: K, delay: float) -> None:
        """Ask for a pass of a key in `delay` seconds; an earlier wish stands."""
        due = asyncio.get_running_loop().time() + delay
        if key in self._due and self._due[key] <= due:
            return
        self._due[key] = due
        heapq.heappush(self._delayed, (due, next(self._serial), key))
        self._forget_what_is_over()
        self._wake.set()

    def retry(self, key: K, asked: float = 0.0) -> float:
        """Ask for another pass after a failure, later each time; return the delay in seconds.

        Args:
            key: the key.
            asked: seconds that the API server asked to wait.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(failures, 10)) * random.uniform(0.75, 1.0)  # noqa: S311
        delay = max(delay, min(asked, MAX_ASKED))
        self.add_after(key, delay)
        return delay

    def succeeded(self, key: K) -> None:
        """Forget the failures of a key, and a repetition that waits for it."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    async def get(self) -> K:
        """Wait for a key that needs a pass; `done` must follow."""
        while True:
            self._promote()
            for lane, listed in ((self._urgent, False), (self._listed, True)):
                while lane:
                    key = lane.popleft()
                    if self._waiting.get(key) is listed:
                        del self._waiting[key], self._since[key]
                        self._busy.add(key)
                        return key
            self._wake.clear()
            timeout = self._next_due()
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def serve(self, work: Callable[[K], Awaitable[None]]) -> None:
        """Take keys and have each worked on, one at a time, for ever.

        Args:
            work: works on a key; an error of it ends this.
        """
        while True:
            key = await self.get()
            try:
                await work(key)
            finally:
                self.done(key)

    def done(self, key: K) -> None:
        """Say that the pass of a key is over."""
        self._busy.discard(key)
        if key in self._again:
            self.add(key, listed=self._again.pop(key))

    def lanes(self, now: float) -> dict[str, tuple[int, float]]:
        """Return of each lane how many keys wait, and for how many seconds the first of them has.

        Args:
            now: the time, as `time.monotonic` has it.
        """
        found = {"urgent": (0, 0.0), "listed": (0, 0.0)}
        for key, listed in self._waiting.items():
            lane = "listed" if listed else "urgent"
            count, oldest = found[lane]
            found[lane] = (count + 1, max(oldest, now - self._since[key]))
        return found

    def _promote(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)

    def _forget_what_is_over(self) -> None:
        """Clear away repetitions that are not due any more, once they are the larger part.

        Each pass of a stack with a repetition far ahead leaves one, which else would stay until that time comes.
        """
        if len(self._delayed) > 2 * len(self._due) + _SPARE:
            self._delayed = [entry for entry in self._delayed if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._delayed)

    def _next_due(self) -> float | None:
        if not self._delayed:
            return None
        return max(0.0, self._delayed[0][0] - asyncio.get_running_loop().time())
