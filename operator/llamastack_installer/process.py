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
class Outcome:
    """How a program ended.

    Attributes:
        code: its exit status; negative where a signal ended it.
        lines: the last lines that it printed, standard error among them.
        timed_out: whether it was ended because its time was over.
    """

    code: int
    lines: tuple[str, ...]
    timed_out: bool = False


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    on_line: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run a program to its end.

    Args:
        command: program and arguments.
        environment: all the variables that it sees.
        timeout: seconds after which it, and whatever it started, is killed.
        on_line: called with each line.
    """
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    process = subprocess.Popen(  # noqa: S603
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    over = threading.Event()

    def end() -> None:
        over.set()
        _kill(process)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        for line in _lines(process.stdout):
            lines.append(line)
            on_line(line)
        code = process.wait()
    finally:
        timer.cancel()
        # What it left running holds the pipe or the processor.
        _kill(process)
    return Outcome(code, tuple(lines), over.is_set())


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield lines; one without an end comes in parts."""
    while raw := stream.readline(LINE_LIMIT):
        yield raw.decode("utf-8", "replace").rstrip("\r\n")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
