"""What a pipe between the operator and a reader carries: texts, each after its length in four bytes."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

LONGEST_QUESTION = 4 << 20
"""Most bytes of a question: a run config, and texts of ConfigMaps as a container could have them."""
LONGEST_ANSWER = 4 << 20
"""Most bytes of an answer: twice a run config that does not compress, and the requirements of an image."""
_LENGTH = 4


class BrokenFrameError(Exception):
    """The other side ended, or sent what is no frame."""


def framed(text: bytes) -> bytes:
    """Return a text with its length before it."""
    return len(text).to_bytes(_LENGTH) + text


def read_frame(stream: BinaryIO, longest: int) -> bytes | None:
    """Return the next text; None at the end of the stream.

    Raises:
        BrokenFrameError: it is longer than it may be, or cut off.
    """
    head = stream.read(_LENGTH)
    if not head:
        return None
    length = int.from_bytes(head)
    if len(head) < _LENGTH or length > longest:
        raise BrokenFrameError(f"{length} bytes")
    text = stream.read(length)
    if len(text) < length:
        raise BrokenFrameError("cut off")
    return text


async def receive(stream: asyncio.StreamReader, longest: int) -> bytes:
    """Return the next text.

    Raises:
        BrokenFrameError: the other side ended, or the text is longer than it may be.
    """
    try:
        length = int.from_bytes(await stream.readexactly(_LENGTH))
        if length > longest:
            raise BrokenFrameError(f"{length} bytes")
        return await stream.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise BrokenFrameError("the reader ended") from error
