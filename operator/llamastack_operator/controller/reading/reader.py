"""One process that reads, as the operator sees it: started when something is to be read, killed when it takes long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from llamastack_operator.controller.reading.child import ANSWER, HELLO, SECONDS
from llamastack_operator.controller.reading.frames import (
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    BrokenFrameError,
    framed,
    receive,
)
from llamastack_operator.planning.reading.answer import Answer
from llamastack_operator.planning.reading.wire import of_text

PATIENCE = 30.0
"""Seconds that one reading may take on a busy machine; the CPU time that it may take is the process's own limit."""
_FULL = 160 << 20
"""Bytes of resident memory with which a process is not asked again."""
_START = 60.0
"""Seconds that a process may take for its start."""
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG")
_COMMAND = ("-P", "-m", "llamastack_operator.controller.reading.child")

logger = logging.getLogger(__name__)


class ExceededError(Exception):
    """A reading took more than it may; the message says of what, to follow `reading it took`."""


class DefectError(Exception):
    """Reading failed for a fault of ours, or of the machine."""


class Reader:
    """Starts a process when it is asked, and again when it ended.

    Args:
        patience: seconds that one reading may take.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process else None

    async def read(self, question: str) -> Answer:
        """Return the answer to a question, given as JSON.

        Raises:
            ExceededError: it took more time, memory or text than one reading may.
            DefectError: it failed for a fault of ours.
        """
        text = question.encode()
        if len(text) > LONGEST_QUESTION:
            raise ExceededError(f"more than {LONGEST_QUESTION >> 20} MiB of text")
        process = await self._running()
        try:
            async with asyncio.timeout(self._patience):
                answer = await _ask(process, text)
        except TimeoutError:
            await self.stop()
            raise ExceededError(f"more than {self._patience:.0f} seconds") from None
        except (BrokenFrameError, OSError):
            raise await self._why_it_ended(process) from None
        except asyncio.CancelledError:
            await self.stop()
            raise
        if _resident(process.pid) > _FULL:
            await self.stop()
        if answer[:1] != ANSWER:
            raise DefectError(answer[1:].decode(errors="replace"))
        return of_text(answer[1:])

    async def stop(self) -> None:
        """End the process, if there is one, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *_COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise DefectError(f"no process can be started to read: {error}") from error
        logger.debug("reader %d started", self._process.pid)
        try:
            async with asyncio.timeout(_START):
                await _hello(self._process)
        except (TimeoutError, BrokenFrameError) as error:
            await self.stop()
            raise DefectError(f"the process that reads does not start: {error}") from error
        return self._process

    async def _why_it_ended(self, process: asyncio.subprocess.Process) -> ExceededError:
        await self.stop()
        if process.returncode == -signal.SIGXCPU:
            return ExceededError(f"more than {SECONDS} seconds of CPU time")
        return ExceededError("more memory than one stack may take")


async def _hello(process: asyncio.subprocess.Process) -> None:
    if process.stdout is None:
        raise BrokenFrameError("no pipe")
    await receive(process.stdout, len(HELLO))


async def _ask(process: asyncio.subprocess.Process, text: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise BrokenFrameError("no pipes")
    process.stdin.write(framed(text))
    await process.stdin.drain()
    return await receive(process.stdout, LONGEST_ANSWER)


def _resident(pid: int) -> int:
    """Return the bytes of memory that a process has; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
