"""`serve`: runs the server of this image's release, and ends as it ended.

A server has no reason to end by itself: where it does, that is a failure, whatever its status says. ogx ends with 0
where its start failed, and so does llama-stack 0.7.3 after a TypeError.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

from llamastack_launcher.command import NoReleaseError, command_of
from llamastack_launcher.options import Options, UsageError
from llamastack_launcher.server import Server, adopt_orphans
from llamastack_launcher.signals import ENDING, Signals
from llamastack_launcher.tail import Tail
from llamastack_resolver.start.bytecode import environment_of

NOT_FOUND, NOT_STARTED = 127, 126
"""Exit statuses that shells have for a program that is not there, and for one that cannot be run."""


def main(arguments: list[str]) -> int:
    """Run the server and return the status to exit with: its own, 128 + n where signal n ended it, never 0 for a
    server that nobody asked to end.

    Args:
        arguments: the options.
    """
    try:
        options = Options(arguments)
    except UsageError as error:
        _say(f"serve: {error}")
        return 2
    signals, tail = Signals(), Tail()
    adopt_orphans()
    try:
        command = command_of(options.release, options.config, options.port)
    except NoReleaseError as error:
        return _failed(options, 1, str(error), tail)
    try:
        server = Server(command, environment_of(os.environ, options.bytecode_cache), signals, tail)
    except OSError as error:
        status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_STARTED
        return _failed(options, status, f"{command[0]} cannot be started: {error.strerror}", tail)
    ended = server.wait()
    status = 128 - ended if ended < 0 else ended
    if signals.asked and status in (0, *(128 + number for number in ENDING)):
        return status
    return _failed(options, status or 1, _how(ended, asked=signals.asked), tail)


def _how(ended: int, *, asked: bool) -> str:
    when = "when it was asked to end" if asked else "by itself"
    if ended < 0:
        return f"the server was ended by signal {-ended}"
    return f"the server ended {when}, with status {ended}"


def _failed(options: Options, status: int, how: str, tail: Tail) -> int:
    from llamastack_launcher.last_words import leave

    _say(how)
    leave(options, how, tail.text())
    return status


def _say(text: str) -> None:
    """Write a line to the container's log, if it has room: nothing may keep this process from its end."""
    log = select.poll()
    log.register(2, select.POLLOUT)
    if log.poll(0):
        with suppress(OSError):
            os.write(2, f"{text}\n".encode())
