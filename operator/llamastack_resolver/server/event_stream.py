"""Streaming answers of a server (server-sent events) as async iterators, as the protocols' methods return them.

Every release sends JSON in `data:` fields and ends with the connection; OpenAI's `[DONE]` is understood too. An
error that comes after the status was sent is an event of its own, `{"error": {"message": ...}}`.
"""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Self

MAX_EVENT = 16 * 1024 * 1024
"""Most bytes of one event."""
_END = object()


class RemoteError(Exception):
    """The server cannot be reached, or answers with an error.

    Attributes:
        status: the HTTP status; None where there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class EventStream:
    """The decoded data of each event, in their order.

    It closes its connection when it ends or fails; whoever stops earlier calls `aclose()`, or uses it as an async
    context manager.

    Args:
        response: the open answer.
        name: what was asked, for messages.
    """

    def __init__(self, response: HTTPResponse, name: str) -> None:
        self._response: HTTPResponse | None = response
        self._name = name

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """Return the next event's data.

        Raises:
            RemoteError: the stream broke off, an event is no JSON or too large, or it is an error of the server's.
        """
        event = await asyncio.to_thread(self._next)
        if event is _END:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; the server stops generating."""
        # A read that is under way ends first, at the latest with its timeout: not on the event loop.
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _next(self) -> Any:
        if self._response is None:
            return _END
        try:
            data = _read_event(self._response)
            if data is None or data == "[DONE]":
                self._close()
                return _END
            return self._decoded(data)
        except RemoteError:
            self._close()
            raise
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            if self._response is None:
                return _END  # It was closed meanwhile.
            self._close()
            raise RemoteError(f"{self._name}: the stream broke off: {error or type(error).__name__}") from None

    def _decoded(self, data: str) -> Any:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise RemoteError(f"{self._name}: an event is no JSON", 200) from None
        if isinstance(value, dict) and value.keys() == {"error"}:
            error = value["error"] if isinstance(value["error"], dict) else {"message": value["error"]}
            code = str(error.get("code") or "")
            raise RemoteError(f"{self._name}: {error.get('message')}", int(code) if code.isdecimal() else 200)
        return value


def _read_event(response: HTTPResponse) -> str | None:
    """Return the data of the next event, None at the end of the stream (WHATWG HTML, section 9.2.6)."""
    lines: list[str] = []
    size = 0
    while True:
        raw = response.readline(MAX_EVENT + 1)
        size += len(raw)
        if size > MAX_EVENT:
            raise ValueError(f"an event has more than {MAX_EVENT} bytes")
        if not raw:
            if lines:
                raise ValueError("it ended within an event")
            return None
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if lines:
                return "\n".join(lines)
            size = 0
            continue
        name, _, value = line.partition(":")
        if name == "data":
            lines.append(value.removeprefix(" "))
