"""An event loop whose clock jumps on as soon as nobody has anything to do: hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Skipping(selectors.SelectSelector):
    """Instead of waiting, it moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def run_skipping[T](main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for time alone, from second 0 on, without waiting."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
