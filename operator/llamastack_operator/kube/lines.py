"""The lines of a watch, however they arrive; aiohttp's own reading of lines gives up at 4 MiB with an error of its own.

The API server writes `<` as six bytes, so that an object of 1.5 MB can be a line of 9.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

LONGEST = 8 << 20
"""Most bytes of a line that is read; a longer one is passed over."""

logger = logging.getLogger(__name__)


async def lines(chunks: AsyncIterator[bytes], longest: int = LONGEST) -> AsyncIterator[bytes]:
    """Yield each line that is not empty, without its end; a last one that has none was cut off, and is not one.

    Args:
        chunks: the bytes as they arrive.
        longest: most bytes of a line; a longer one is logged and passed over: what it tells of stays as it was known.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if size + len(end) > longest:
                logger.warning("an event of a watch is longer than %d bytes and is passed over", longest)
            elif line := b"".join([*parts, end]):
                yield line
            parts, size = [], 0
        size += len(rest)
        # Of a line that is too long nothing is kept but how long it is.
        parts = [*parts, rest] if size <= longest else []
