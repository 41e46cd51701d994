"""Lines that tell how far a build is; the operator reads them from the container's log."""

from __future__ import annotations

import sys

from llamastack_contract.message import one_line
from llamastack_contract.progress import progress_line

ECHO_LIMIT = 3000


def progress(text: str) -> None:
    """Print a progress line."""
    sys.stdout.write(f"{progress_line(text)}\n")
    sys.stdout.flush()


class Echo:
    """Passes on what a program prints, marked, so that it cannot pass for progress; only so many lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = ECHO_LIMIT

    def __call__(self, line: str) -> None:
        """Pass on one line."""
        self._left -= 1
        if self._left < 0:
            return
        text = one_line(line, 400) if self._left else "(more is not shown)"
        if text:
            sys.stdout.write(f"{self._name}: {text}\n")
            sys.stdout.flush()
