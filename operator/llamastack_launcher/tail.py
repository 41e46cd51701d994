"""The last lines of what a server printed, of all its streams together, in bounded memory."""

from __future__ import annotations

KEPT = 64 * 1024
"""Most bytes that are kept of finished lines, and of the unfinished line of each stream."""
CUT = 16 * 1024
"""Bytes that are left out after a cut: what is left of a secret there could not be recognised."""


class Tail:
    """Keeps the newest lines. Lines stay whole whatever the streams print in between, so that secrets do too."""

    def __init__(self) -> None:
        self._lines = bytearray()
        self._cut = False
        self._unfinished: dict[int, bytes] = {}

    def add(self, stream: int, data: bytes) -> None:
        """Take what a stream printed.

        Args:
            stream: which one.
            data: any part of it.
        """
        finished, newline, rest = data.rpartition(b"\n")
        if newline:
            self._lines += _whole(self._unfinished.pop(stream, b"")) + finished + newline
        if rest:
            self._unfinished[stream] = (self._unfinished.get(stream, b"") + rest)[-KEPT:]
        if len(self._lines) > 2 * KEPT:
            del self._lines[:-KEPT]
            self._cut = True

    def text(self) -> str:
        """Return the lines, the newest last; of one that was cut nothing is left that could be half a secret."""
        lines = bytes(self._lines)
        if self._cut:
            lines = lines[CUT:].partition(b"\n")[2] or lines[CUT:]
        return (lines + b"\n".join(map(_whole, self._unfinished.values()))).decode("utf-8", "replace")


def _whole(line: bytes) -> bytes:
    """Return an unfinished line; of one that is as long as can be the beginning may be missing."""
    return line[CUT:] if len(line) >= KEPT else line
