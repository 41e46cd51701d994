"""The process that reads: `python -m llamastack_operator.controller.reading.child`, questions in, answers out.

It is started afresh (no fork: no socket, token or lock comes with it), takes less of the CPU than the operator, and
has limits of memory and of CPU time for each question. Where they are not enough it ends, and its parent says so. It
ends with its parent too, for then its input does.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import BinaryIO

from llamastack_operator.controller.reading.frames import LONGEST_QUESTION, framed, read_frame
from llamastack_operator.planning.reading.question import ReadingQuestion
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.reading.wire import to_text

HEADROOM = 160 << 20
"""Bytes of address space that reading may take beside the programs that read."""
SECONDS = 5
"""CPU time that one question may take."""
OUT_OF_MEMORY = 3
"""Exit code where memory was not enough."""
ANSWER, FAILURE, HELLO = b"=", b"!", b"?"
"""What a text to the parent begins with: an answer as JSON follows, or what went wrong in us; or it waits for work."""
_NICE = 5


def main() -> int:
    """Answer until the input ends."""
    os.nice(_NICE)
    _limit_memory()
    return serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(questions: BinaryIO, answers: BinaryIO) -> int:
    """Answer questions; return the exit code."""
    answers.write(framed(HELLO))
    answers.flush()
    while (text := read_frame(questions, LONGEST_QUESTION)) is not None:
        _limit_time()
        try:
            answer = ANSWER + to_text(read(ReadingQuestion.of_text(text.decode()))).encode()
        except MemoryError:
            return OUT_OF_MEMORY
        except Exception as error:
            answer = FAILURE + f"{type(error).__name__}: {error}"[:2000].encode(errors="replace")
        answers.write(framed(answer))
        answers.flush()
    return 0


def _limit_time() -> None:
    """Bound the CPU time from now on: the kernel ends the process with SIGXCPU."""
    limit = int(time.process_time()) + SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _limit_memory() -> None:
    """Bound the address space: what the programs take is there already."""
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    limit = taken + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    # Nothing is to be cleaned up, and what a limit has hit may not be able to.
    os._exit(main())
