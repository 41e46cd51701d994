"""Hands the output of a check on to the log, live and bounded: nothing of it is kept, and nobody ever waits for it.

A pipe that nobody reads is written to in pieces that fit into it, and only while it says that they do.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress

MOST_BYTES = 1024 * 1024
"""Most bytes that are handed on."""
LEFT_OUT = b"\nstart-check: what follows of this output is left out\n"
_PIECE = 4096  # POSIX: what is no larger is written at once, or not at all
_READ = 64 * 1024


class Relay:
    """Reads what a check prints, and writes it to the log.

    Args:
        source: what is read from; it must not block.
        target: what is written to.
        limit: bytes that are handed on.
    """

    def __init__(self, source: int, target: int, limit: int = MOST_BYTES) -> None:
        self.source, self.target = source, target
        self._left, self._waiting, self._full = limit, bytearray(), False
        self.broken = False

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting) and not self.broken

    def read(self) -> bool:
        """Read once; False where there is nothing more now, or nothing at all any more."""
        try:
            data = os.read(self.source, _READ)
        except OSError:
            return False
        self._waiting += data[: self._left]
        if len(data) > self._left and not self._full:
            self._waiting += LEFT_OUT
            self._full = True
        self._left = max(0, self._left - len(data))
        return bool(data)

    def write(self, ready: bool) -> None:
        """Write once, where the target said that it takes something; where it failed, no more is written."""
        if not ready:
            self.broken = True
            return
        try:
            done = os.write(self.target, self._waiting[:_PIECE])
        except OSError:
            self.broken = True
            return
        del self._waiting[:done]

    def finish(self, seconds: float) -> None:
        """Read and write what is left, as long as there is time.

        Args:
            seconds: at most for writing.
        """
        for _ in range(2 * MOST_BYTES // _READ):
            if not self.read():
                break
        rest, self._waiting = bytes(self._waiting), bytearray()
        if not self.broken:
            write(self.target, rest, seconds)


def write(target: int, data: bytes, seconds: float) -> bool:
    """Write to a pipe that perhaps nobody reads; tell whether all was written.

    Args:
        target: what is written to.
        data: what is written.
        seconds: at most.
    """
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    end, done = time.monotonic() + seconds, 0
    with suppress(OSError):
        while done < len(data):
            left = end - time.monotonic()
            if left <= 0:
                return False
            if any(event & select.POLLOUT for _, event in poll.poll(left * 1000)):
                done += os.write(target, data[done : done + _PIECE])
            elif time.monotonic() < end:
                return False
    return done == len(data)
