"""Runs a server as a child, with the duties of a container's first process: orphans, signals, exit status."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

from llamastack_launcher.relay import Relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from llamastack_launcher.signals import Signals
    from llamastack_launcher.tail import Tail

DRAIN = 1.0
"""Most seconds for what is left of the output when the server has ended."""
_SUBREAPER = 36


class Server:
    """A server that was started.

    Args:
        command: program and arguments.
        environment: all its variables.
        signals: what reaches it.
        tail: gets all that it prints.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], signals: Signals, tail: Tail) -> None:
        self._signals = signals
        self._status: int | None = None
        streams = {target: os.pipe() for target in (1, 2)}
        try:
            self._pid = os.posix_spawnp(
                command[0],
                command,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, write, target) for target, (_, write) in streams.items()],
                # Python ignores these two, and what is ignored stays so in a child.
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        finally:
            for _, write in streams.values():
                os.close(write)
        self._relays = [Relay(read, target, tail.add) for target, (read, _) in streams.items()]
        self._writers = [*self._relays]
        signals.to(self._pid)

    def wait(self) -> int:
        """Wait for its end, and return its status; negative where a signal ended it.

        Children that it leaves behind may hold its output open: of that only what comes within a second is read.
        """
        while self._status is None:
            self._turn(None)
        deadline = time.monotonic() + DRAIN
        while (left := deadline - time.monotonic()) > 0:
            waits = any(relay.waits for relay in self._relays)
            if not self._turn(left if waits else 0.0) and not waits:
                break
        return self._status

    def _turn(self, seconds: float | None) -> bool:
        """Wait for something to happen, at most some seconds, and do it; return whether output moved."""
        poll = select.poll()
        poll.register(self._signals.wakes, select.POLLIN)
        for relay in self._relays:
            for descriptor, events in relay.events():
                poll.register(descriptor, events)
        found = dict(poll.poll(self._milliseconds(seconds)))
        if self._signals.wakes in found:
            self._signals.clear()
            self._reap()
        # All reads before any write, so that the streams' lines are seen in the order in which they come.
        came = [relay.read(found) for relay in self._relays]
        # One write, since both streams may lead to one pipe, which has room for one of them; they take turns.
        self._writers.reverse()
        return any(relay.write(found) for relay in self._writers) or any(came)

    def _milliseconds(self, seconds: float | None) -> int | None:
        """Return how long to wait: for what the caller says, and for the relay that loses its patience first."""
        limits = [seconds, *(relay.patience() for relay in self._relays)]
        shortest = min((limit for limit in limits if limit is not None), default=None)
        return None if shortest is None else int(shortest * 1000) + (shortest > 0)

    def _reap(self) -> None:
        """Take leave of every child that has ended: its own, and those whose parents ended before them."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._signals.ended()
                    self._status = os.waitstatus_to_exitcode(status)


def adopt_orphans() -> None:
    """Become the parent of orphans below this process, which the first process of a container is anyway.

    Best effort: where containers of a pod share their processes, and the kernel or libc refuses, another one does it.
    """
    if os.getpid() == 1:
        return
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
