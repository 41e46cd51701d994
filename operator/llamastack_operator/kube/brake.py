"""Slows corrections of an object down that somebody else changes again and again.

Two controllers that want one field otherwise write against each other for as long as both run: a second operator that
renders another template did so with 300 writes a second, and rolled the pods each time. Each object has a few
corrections at once and then one a minute, so that a change by hand is undone at once, and a fight is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

AT_ONCE = 4
"""Writes of the same content to one object that may follow each other, the first of them included."""
INTERVAL = 60.0
"""Seconds until one more is allowed."""
_SWEEP = 1024

Place = tuple[str, tuple[str, str]]
"""The kind, namespace and name of an object."""


@dataclass(slots=True)
class _Tokens:
    applied: str
    left: float
    since: float


class Brake:
    """Counts the writes of the same content to each object.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._objects: dict[Place, _Tokens] = {}
        self._sweep_at = _SWEEP

    def left(self, place: Place, applied: str) -> float:
        """Return how many writes of this content are allowed now; `AT_ONCE` where none was sent lately.

        Args:
            place: the object.
            applied: the digest of what would be written.
        """
        tokens = self._objects.get(place)
        if tokens is None or tokens.applied != applied:
            return AT_ONCE
        return min(AT_ONCE, tokens.left + (self._clock() - tokens.since) / INTERVAL)

    def wrote(self, place: Place, applied: str) -> None:
        """Count a write."""
        left = self.left(place, applied)
        self._objects[place] = _Tokens(applied, max(0.0, left - 1), self._clock())
        if len(self._objects) >= self._sweep_at:
            self._sweep()

    def forget(self, place: Place) -> None:
        """Forget an object that is gone."""
        self._objects.pop(place, None)

    def _sweep(self) -> None:
        """Forget the objects that are as if they had never been written."""
        full = [place for place, tokens in self._objects.items() if self.left(place, tokens.applied) >= AT_ONCE]
        for place in full:
            del self._objects[place]
        self._sweep_at = max(_SWEEP, 2 * len(self._objects))
