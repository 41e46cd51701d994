"""Runs a program whose output is not to be trusted: no input, bounded output, a limit in time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

LINE_LIMIT = 4000
KEPT_LINES = 400


@dataclass(frozen=True)
class ProcessResult:
    """How a program ended.

    Attributes:
        code: its exit status; negative where a signal ended it.
        lines: the last lines that it printed, standard error among them.
        timed_out: whether it was ended because its time was over.
    """

    code: int
    lines: tuple[str, ...]
    timed_out: bool = False


class Running:
    """A program that was started, in a session of its own.

    Args:
        command: program and arguments.
        environment: all the variables that it sees.
        held: whether its standard input stays open until `finish`; otherwise there is none.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, held: bool = False) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            command,
            env=dict(environment),
            stdin=subprocess.PIPE if held else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self, timeout: float, on_line: Callable[[str], None] = lambda _: None) -> ProcessResult:
        """Wait for its end.

        Args:
            timeout: seconds after which it, and whatever it started, is killed.
            on_line: called with each line.
        """
        lines: deque[str] = deque(maxlen=KEPT_LINES)
        over = threading.Event()

        def end() -> None:
            over.set()
            self.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
            for line in _lines(self._process.stdout):
                lines.append(line)
                on_line(line)
            code = self._process.wait()
        finally:
            timer.cancel()
            # What it left running holds the pipe or the processor.
            self.kill()
        return ProcessResult(code, tuple(lines), over.is_set())

    def kill(self) -> None:
        """Kill it and whatever it started, if it still runs."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    on_line: Callable[[str], None] = lambda _: None,
) -> ProcessResult:
    """Run a program to its end; the arguments are those of `Running` and its `finish`."""
    return Running(command, environment).finish(timeout, on_line)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield lines; one without an end comes in parts."""
    while raw := stream.readline(LINE_LIMIT):
        yield raw.decode("utf-8", "replace").rstrip("\r\n")
