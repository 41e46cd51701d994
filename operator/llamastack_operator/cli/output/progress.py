"""Shows how far something is: one line that grows on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from llamastack_operator.cli.output.console import Console

_PARTS = re.compile(r"(?P<what>.*?)(?<!\s)\s++(?P<done>\d+) of (?P<total>\d+)$")
_WIDTH = 24


class Progress:
    """A progress line.

    Args:
        console: where it goes; a terminal gets a bar, everything else a line for each change.
        title: what it is about.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._bar = console.stream.isatty()
        self._last = ""

    def __call__(self, text: str) -> None:
        """Show a step such as `installing 3 of 17`."""
        if text == self._last:
            return
        self._last = text
        if not self._bar:
            self._console.line(f"{self._title}: {text}")
            return
        line = f"{self._title}  {bar(text)}"[: shutil.get_terminal_size().columns - 1]
        self._write(f"\r\033[K{line}")

    def finish(self) -> None:
        """Remove the line from a terminal."""
        if self._bar and self._last:
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        self._console.stream.write(text)
        self._console.stream.flush()


@contextmanager
def progress_for(console: Console, title: str) -> Iterator[Progress]:
    """Show progress for the time of a block."""
    shown = Progress(console, title)
    try:
        yield shown
    finally:
        shown.finish()


def bar(text: str) -> str:
    """Return a step with a bar where it counts."""
    match = _PARTS.fullmatch(text)
    if not match or not int(match["total"]):
        return text
    full = min(_WIDTH, round(_WIDTH * int(match["done"]) / int(match["total"])))
    return f"[{'█' * full}{'░' * (_WIDTH - full)}] {text}"
