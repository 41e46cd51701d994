"""How long a watch waits before it is opened again: not at all after a long life, longer each time after short ones.

A server that ends each watch at once, or a proxy before it, would else be asked hundreds of times a second.
"""

from __future__ import annotations

import asyncio
import random

BRIEF = 5.0
"""Seconds; a watch that lived no longer than that did not work."""
MAX_BACKOFF = 30.0
MAX_ASKED = 300.0
"""Seconds that are waited at most because the server asked for it: a mistake there must not make us blind for a day."""


class Backoff:
    """The delays of one watch."""

    def __init__(self) -> None:
        self._failures = 0
        self._begun: float | None = None

    def begin(self) -> None:
        """Note that a watch is opened."""
        self._begun = asyncio.get_running_loop().time()

    def delay(self, *, failed: bool, asked: float | None = None, patient: bool = True) -> float:
        """Return the seconds to wait now that the watch has ended, or could not be opened.

        Args:
            failed: whether it ended by an error; else the server closed it.
            asked: seconds that the server asked to wait, if it did.
            patient: whether the first of several failures in a row is waited for at all.
        """
        begun, self._begun = self._begun, None
        brief = begun is None or asyncio.get_running_loop().time() - begun < BRIEF
        if not brief:
            self._failures = 0
        if not (failed or brief):
            return 0.0
        self._failures += 1
        if self._failures == 1 and not patient:
            return 0.0
        own = min(MAX_BACKOFF, 2.0 ** min(self._failures, 5)) * random.uniform(0.25, 0.5)  # noqa: S311
        return max(own, min(asked or 0.0, MAX_ASKED))
