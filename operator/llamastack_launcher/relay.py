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
    from collections.abc import Callable

READ = 64 * 1024
WRITE = select.PIPE_BUF
STANDSTILL = 10.0
"""Seconds without any room in the log after which output is dropped rather than the server held up."""


class Relay:
    """One stream of a server.

    Args:
        source: where it is read from; closed at its end.
        target: the container's own stream.
        seen: called with all that comes.
    """

    def __init__(self, source: int, target: int, seen: Callable[[int, bytes], None]) -> None:
        self._source: int | None = source
        self._target = target
        self._seen = seen
        self._waiting = memoryview(b"")
        self._lost = 0
        self._moved = 0.0

    @property
    def waits(self) -> bool:
        """Whether something was read that is not written."""
        return len(self._waiting) > 0

    def events(self) -> list[tuple[int, int]]:
        """Return descriptors and events that `ready` is to be called for."""
        found = []
        if self._source is not None and not self.waits:
            found.append((self._source, select.POLLIN))
        if self.waits or self._lost:
            found.append((self._target, select.POLLOUT))
        return found

    def patience(self) -> float | None:
        """Return the seconds until what waits is dropped; None where nothing waits."""
        return max(0.0, self._moved + STANDSTILL - time.monotonic()) if self.waits else None

    def ready(self, descriptors: dict[int, int]) -> bool:
        """Read or write a part, at most one of both; return whether it did.

        Args:
            descriptors: what `poll` found, of this and of others.
        """
        if self._target in descriptors and (self.waits or self._lost):
            self._write()
            return True
        if self._source in descriptors and not self.waits:
            self._read(self._source)
            return True
        if self.patience() == 0:
            self._lost += len(self._waiting)
            self._waiting = memoryview(b"")
        return False

    def _read(self, source: int) -> None:
        data = os.read(source, READ)
        if not data:
            os.close(source)
            self._source = None
            return
        self._seen(self._target, data)
        if self._lost:
            self._lost += len(data)
            return
        self._waiting = memoryview(data)
        self._moved = time.monotonic()

    def _write(self) -> None:
        if self._lost:
            note = f"\n[{self._lost} bytes of output are left out here: the container's log stood still]\n"
            self._waiting, self._lost = memoryview(note.encode()), 0
        try:
            written = os.write(self._target, self._waiting[:WRITE])
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads the log any more, or it has no room on its disk: that is no matter of the server's.
            written = len(self._waiting)
        self._waiting = self._waiting[written:]
        self._moved = time.monotonic()
