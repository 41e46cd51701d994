"""Responses of the API server that kopf decodes itself: what is large or deep in them is gone before it gets them.

kopf decodes whole pages and keeps each object for a second after its last event, so what reaches it has to be small. A
text that takes long is made slim in a thread, so that the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from llamastack_operator.kube.lines import lines
from llamastack_operator.objects.slim_json import slim_line, slim_page

_AT_ONCE = 1 << 16
"""Bytes of JSON that are decoded in a few milliseconds whatever they are."""


class SlimLines:
    """The stream of a watch of LlamaStacks, in whole lines, each with a slim object.

    Args:
        stream: the body of a response.
    """

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield each line once it has arrived."""
        async for line in lines(self._stream.iter_chunked(size)):
            yield await _slim(line) + b"\n"


class SlimResponse(aiohttp.ClientResponse):
    """A response with LlamaStacks, for kopf, which decodes it itself."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read the head of the response."""
        await super().start(connection)
        lines: Any = SlimLines(self.content)
        self.content = lines
        return self

    async def json(self, **_: Any) -> Any:
        """Return the decoded body."""
        body = await self.read()
        return slim_page(body) if len(body) < _AT_ONCE else await asyncio.to_thread(slim_page, body)


async def _slim(line: bytes) -> bytes:
    return slim_line(line) if len(line) < _AT_ONCE else await asyncio.to_thread(slim_line, line)
