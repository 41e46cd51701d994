"""Runs a check in a process of its own until it is done, ends, or has had its time; then nothing of it is left.

It is started by exec, so that it shares nothing with the process that watches it: what tenants' code does to its
interpreter, its files or its memory ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llamastack_resolver.start.output import Relay
from llamastack_resolver.start.told import MOST_BYTES, Lines, Told

PROGRAM = """import sys
source, check, pipe, *options = sys.argv[1:]
if source not in sys.path: sys.path.insert(0, source)
from importlib import import_module
import_module(check).run(int(pipe), options)
"""
START_CHECK = "llamastack_resolver.start.child"
"""The module whose `run()` makes the check at a pod's start."""
_TICK = 0.05
_REAPING = 1.0
_READ = 64 * 1024


@dataclass(frozen=True)
class Ending:
    """How the process of a check ended.

    Attributes:
        status: the exit status, where it ended by itself.
        signal: the signal that ended it, where one did.
        late: whether it had its time.
    """

    status: int | None = None
    signal: int | None = None
    late: bool = False


def command(options: Sequence[str], pipe: int, check: str = START_CHECK) -> list[str]:
    """Return what starts this package again, from wherever it is: a folder, a zipapp or another archive.

    Args:
        options: of the check.
        pipe: the file descriptor where it tells what it does.
        check: the module whose `run()` makes the check.
    """
    source = str(Path(__file__).absolute().parents[2])
    warnings = [f"-W{option}" for option in sys.warnoptions]
    # Safe: the working folder is no place to import from, as it is none for the server.
    return [sys.executable, *warnings, "-P", "-c", PROGRAM, source, check, str(pipe), *options]


def watch(
    options: Sequence[str],
    environment: Mapping[str, str],
    deadline: float,
    told: Told,
    log: int,
    check: str = START_CHECK,
) -> tuple[Ending, Relay]:
    """Run a check to its end.

    Args:
        options: of the check.
        environment: its variables.
        deadline: the time of `time.monotonic` at which it is ended.
        told: takes what it tells.
        log: file descriptor that its output goes to.
        check: the module whose `run()` makes the check.

    Returns:
        How it ended, and what still has to be finished with its output.

    Raises:
        OSError: it cannot be started.
    """
    pipe, end_of_pipe = os.pipe()
    output, end_of_output = os.pipe()
    os.set_blocking(pipe, False)
    os.set_blocking(output, False)
    process = subprocess.Popen(  # noqa: S603 - this program
        command(options, end_of_pipe, check),
        stdin=subprocess.DEVNULL,
        stdout=end_of_output,
        stderr=end_of_output,
        pass_fds=[end_of_pipe],
        env=dict(environment),
        process_group=0,
    )
    try:
        os.close(end_of_pipe)
        os.close(end_of_output)
        lines, relay = Lines(told), Relay(output, log)
        ending = _until_its_end(process.pid, pipe, lines, relay, told, deadline)
    finally:
        _kill(process)
    for _ in range(MOST_BYTES // _READ):
        if not _feed(pipe, lines):
            break
    return ending, relay


def _until_its_end(process: int, pipe: int, lines: Lines, relay: Relay, told: Told, deadline: float) -> Ending:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(relay.source, select.POLLIN)
    writing = False
    while not told.done:
        left = deadline - time.monotonic()
        if left <= 0:
            return Ending(late=True)
        if relay.waiting != writing:
            writing = relay.waiting
            if writing:
                poll.register(relay.target, select.POLLOUT)
            else:
                poll.unregister(relay.target)
        for descriptor, event in poll.poll(min(left, _TICK) * 1000):
            if descriptor == relay.target:
                relay.write(ready=bool(event & select.POLLOUT))
            elif not (relay.read() if descriptor == relay.source else _feed(pipe, lines)):
                # Closed by all who had it, which says nothing of the process itself.
                poll.unregister(descriptor)
        ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            by_itself = ended.si_code == os.CLD_EXITED
            return Ending(ended.si_status) if by_itself else Ending(signal=ended.si_status)
    return Ending()


def _feed(pipe: int, lines: Lines) -> bool:
    try:
        data = os.read(pipe, _READ)
    except OSError:
        return False
    lines.feed(data)
    return bool(data)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process with all of its group, which is its own until it is waited for."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    # It may have left its group.
    with suppress(OSError):
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REAPING)
