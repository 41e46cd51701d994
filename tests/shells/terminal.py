"""An interactive shell on a terminal of its own, to type into and to read from."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60.0


class Terminal:
    """A running shell.

    Args:
        process: its id.
        descriptor: the terminal's other end.
    """

    def __init__(self, process: int, descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self._seen = ""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    def read_until(self, text: str) -> str:
        """Return what the screen got since the last call, up to and with a text.

        Raises:
            AssertionError: the shell ended, or waits for something else.
        """
        end = time.monotonic() + _PATIENCE
        while text not in self._seen:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} did not come; the screen has {self._seen!r}"
            try:
                self._seen += os.read(self._descriptor, 65536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"the shell ended; the screen had {self._seen!r}") from error
        before, found, self._seen = self._seen.partition(text)
        return before + found


@contextmanager
def terminal(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Iterator[Terminal]:
    """Run an interactive shell.

    Args:
        command: its argv.
        folder: where it starts.
        variables: its whole environment.
    """
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(command[0], list(command), dict(variables))  # noqa: S606
    try:
        yield Terminal(process, descriptor)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(descriptor)
