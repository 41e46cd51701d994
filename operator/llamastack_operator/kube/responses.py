"""Responses of the API server that kopf decodes itself: what is large or deep in them is gone before it gets them.

kopf decodes whole pages and keeps each object for a second after its last event, so what reaches it has to be small. A
text that takes long is made slim in a thread, so that the event loop goes on meanwhile. What passes through is noted,
and what kopf cannot know is added (`told.py`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import aiohttp

from llamastack_operator.kube.lines import lines
from llamastack_operator.kube.told import Told, ToldCollection, is_gone
from llamastack_operator.objects.slim_json import IsKnown, slim_event, slim_page

_AT_ONCE = 1 << 16
"""Bytes of JSON that are decoded in a few milliseconds whatever they are."""

logger = logging.getLogger(__name__)


class SlimLines:
    """The stream of a watch of LlamaStacks, in whole lines, each with a slim object.

    Args:
        stream: the body of a response.
        told: where events are noted, and what is told before them; None for nowhere.
    """

    def __init__(self, stream: aiohttp.StreamReader, told: ToldCollection | None = None) -> None:
        self._stream = stream
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield each line once it has arrived.

        Raises:
            aiohttp.ClientPayloadError: the stream broke, or told an error.
        """
        told = self._told
        if told is None:
            async for line in lines(self._stream.iter_chunked(size)):
                yield (await _slim(line))[1]
            return
        for line in told.missed():
            yield line
        told.backoff.begin()
        try:
            async for line in lines(self._stream.iter_chunked(size)):
                event, slim = await _slim(line, told.is_known)
                noted = told.event(event)
                if is_gone(noted):
                    await asyncio.sleep(told.backoff.delay(failed=True, patient=False))
                yield slim if noted is event else json.dumps(noted).encode() + b"\n"
        except aiohttp.ClientError as error:
            logger.info("watch of llamastacks interrupted: %s", error)
            await asyncio.sleep(told.backoff.delay(failed=True))
            raise
        # kopf itself would open the next one at once.
        await asyncio.sleep(told.backoff.delay(failed=False))


class SlimResponse(aiohttp.ClientResponse):
    """A response with LlamaStacks, for kopf, which decodes it itself."""

    told: ClassVar[Told]
    """Where it is noted what passes through."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read the head of the response."""
        await super().start(connection)
        lines: Any = SlimLines(self.content, self._collection())
        self.content = lines
        return self

    async def json(self, **_: Any) -> Any:
        """Return the decoded body.

        Raises:
            RestoredError: the API server's store was set back.
        """
        body = await self.read()
        page = slim_page(body) if len(body) < _AT_ONCE else await asyncio.to_thread(slim_page, body)
        if (told := self._collection()) is not None:
            told.page(page, first="continue" not in self.url.query)
        return page

    def _collection(self) -> ToldCollection | None:
        return self.told.of(self.url) if self.status == 200 else None


def slim_responses(told: Told) -> type[SlimResponse]:
    """Return the class of responses that are noted in one place."""
    return type("NotedResponse", (SlimResponse,), {"told": told})


async def _slim(line: bytes, is_known: IsKnown = lambda _: False) -> tuple[Any, bytes]:
    return _event(line, is_known) if len(line) < _AT_ONCE else await asyncio.to_thread(_event, line, is_known)


def _event(line: bytes, is_known: IsKnown) -> tuple[Any, bytes]:
    event = slim_event(line, is_known)
    return event, json.dumps(event).encode() + b"\n"
