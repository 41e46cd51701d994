"""Hands on what a server prints, as it comes, to the container's own stream.

Nothing here waits: a write is made only where the log has room for all of it, which `poll` tells of a pipe for 4 KiB.
So a log that is full delays the server as it would without a launcher, but neither its other stream nor its signals;
and where the log stands still the server goes on, and what had no room is counted.
"""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

READ = 64 * 1024
"""Most bytes that are read at once; as many may wait to be written before no more are read."""
WRITE = select.PIPE_BUF
STANDSTILL = 10.0
"""Seconds without any room in the log after which output is dropped rather than the server held up."""


class Relay:
    """One stream of a server.

    Args:
        source: where it is read from; closed at its end.
        target: the container's own stream.
        seen: called with the target and with all that comes.
    """

    def __init__(self, source: int, target: int, seen: Callable[[int, bytes], None]) -> None:
        self._source: int | None = source
        self._target = target
        self._seen = seen
        self._waiting = bytearray()
        self._lost = 0
        self._moved = 0.0

    @property
    def waits(self) -> bool:
        """Whether something was read that is not written."""
        return bool(self._waiting)

    def events(self) -> list[tuple[int, int]]:
        """Return the descriptors and events that `read` and `write` wait for."""
        found = []
        if self._source is not None and len(self._waiting) < READ:
            found.append((self._source, select.POLLIN))
        if self._waiting or self._lost:
            found.append((self._target, select.POLLOUT))
        return found

    def patience(self) -> float | None:
        """Return the seconds until what waits is dropped; None where nothing waits."""
        return max(0.0, self._moved + STANDSTILL - time.monotonic()) if self._waiting else None

    def read(self, ready: Collection[int]) -> bool:
        """Read what is there, and return whether there was something.

        Args:
            ready: descriptors for which `poll` found what `events` asks for.
        """
        if self._source is None or self._source not in ready:
            return False
        data = os.read(self._source, READ)
        if not data:
            os.close(self._source)
            self._source = None
        elif self._lost:
            self._lost += len(data)
        else:
            if not self._waiting:
                self._moved = time.monotonic()
            self._waiting += data
        self._seen(self._target, data)
        return True

    def write(self, ready: Collection[int]) -> bool:
        """Write what there is room for, and return whether there was something to write.

        Args:
            ready: as in `read`.
        """
        if self._target not in ready or not (self._waiting or self._lost):
            if self.patience() == 0:
                self._lost += len(self._waiting)
                self._waiting.clear()
            return False
        if self._lost:
            note = f"\n[{self._lost} bytes of output are left out here: the container's log stood still]\n"
            self._waiting += note.encode()
            self._lost = 0
        try:
            del self._waiting[: os.write(self._target, self._waiting[:WRITE])]
        except BlockingIOError:
            return False
        except OSError:
            # Nobody reads the log any more, or it has no room on its disk: that is no matter of the server's.
            self._waiting.clear()
        self._moved = time.monotonic()
        return True
