"""Signals: those for the server are handed on to it, and the end of any child wakes whoever waits."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)
ENDING = (signal.SIGTERM, signal.SIGINT)
"""Those that ask a server to end."""


class Signals:
    """Takes over the signals of this process; those that come before there is a server wait for it.

    Attributes:
        wakes: a descriptor that can be read when a signal came.
        asked: whether the server was asked to end.
    """

    def __init__(self) -> None:
        self.wakes, write = os.pipe()
        os.set_blocking(self.wakes, False)
        os.set_blocking(write, False)
        self.asked = False
        self._server: int | None = None
        self._early: list[int] = []
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in FORWARDED:
            signal.signal(number, self._forward)

    def to(self, server: int) -> None:
        """Hand signals on to a process from now on, with those that came before it was there."""
        self._server = server
        while self._early:
            self._send(self._early.pop(0))

    def ended(self) -> None:
        """Hand on nothing more: the number may soon be another process's."""
        self._server = None

    def clear(self) -> None:
        """Make ready to be woken again."""
        with suppress(BlockingIOError):
            while os.read(self.wakes, 512):
                pass

    def _forward(self, number: int, _: FrameType | None) -> None:
        self._early.append(number) if self._server is None else self._send(number)

    def _send(self, number: int) -> None:
        self.asked = self.asked or number in ENDING
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.kill(self._server, number)
