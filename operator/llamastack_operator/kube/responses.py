"""Responses of the API server whose JSON is safe to decode, for kopf and for the client of our own.

kopf decodes what it reads itself, so what lies too deep has to be gone before it gets the bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from llamastack_operator.objects.bounded_json import loads, shallow


class BoundedLines:
    """The stream of a watch, in whole lines, each of them shallow.

    Args:
        stream: the body of a response.
    """

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield what has arrived, up to the last whole line."""
        rest = b""
        async for chunk in self._stream.iter_chunked(size):
            rest += chunk
            *lines, rest = rest.split(b"\n")
            if lines:
                yield b"".join(shallow(line) + b"\n" for line in lines)
        if rest:
            yield shallow(rest)


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose JSON is safe to decode, for kopf, which decodes it itself."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read the head of the response."""
        await super().start(connection)
        lines: Any = BoundedLines(self.content)
        self.content = lines
        return self

    async def json(self, **_: Any) -> Any:
        """Return the decoded body."""
        return loads(await self.read())
