"""Streaming answers, from a real HTTP server in this process that sends what a test tells it to, when it is told."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.server import event_stream
from llamastack_resolver.server.event_stream import EventStream, RemoteError
from llamastack_resolver.server.remote import Connection, resolve_remote_stack_impls
from tests.support.small_release import core

PROTOCOLS = {
    "inference": {
        "class": "x.Inference",
        "methods": {
            "chat": {
                "parameters": [{"name": "params", "required": True}],
                "route": {"method": "POST", "path": "/v1/chat"},
            },
            "query": {
                "parameters": [{"name": "query", "required": True}, {"name": "params"}],
                "route": {"method": "POST", "path": "/v1/query"},
            },
        },
    },
}


class Streamer(ThreadingHTTPServer):
    """Answers a request that wants a stream with `parts`, and waits before each for a permit where there are any."""

    daemon_threads = True
    parts: tuple[bytes, ...] = ()
    permits: threading.Semaphore | None = None
    chunked = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.bodies: list[Any] = []
        self.hung_up = threading.Event()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Streamer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        if not body.get("stream"):
            content = json.dumps({"whole": True}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for part in self.server.parts:
                if self.server.permits is not None:
                    self.server.permits.acquire()
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" if self.server.chunked else part)
            self.wfile.write(b"0\r\n\r\n" if self.server.chunked else b"")
        except OSError:
            self.server.hung_up.set()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Streamer]:
    with Streamer() as running:
        threading.Thread(target=running.serve_forever, args=[0.01], daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def inference(server: Streamer) -> Any:
    connection = Connection(f"http://127.0.0.1:{server.server_port}", timeout=5)
    release = ReleaseKnowledge.from_dict(core(protocols=PROTOCOLS))
    return resolve_remote_stack_impls(connection, ["inference"], release)["inference"]


async def collected(events: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in events]


def streamed(inference: Any) -> list[Any]:
    async def ask() -> list[Any]:
        return await collected(await inference.chat({"model": "m", "stream": True}))

    return asyncio.run(ask())


def test_a_method_returns_what_the_server_answers_a_whole_or_a_stream(server: Streamer, inference: Any):
    server.parts = (b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n')

    assert asyncio.run(inference.chat({"model": "m"})) == {"whole": True}
    assert streamed(inference) == [{"n": 1}, {"n": 2}]
    assert server.bodies == [{"model": "m"}, {"model": "m", "stream": True}]


def test_params_is_the_request_only_where_it_is_all_of_the_body(server: Streamer, inference: Any):
    asyncio.run(inference.query("q", {"a": 1}))

    assert server.bodies == [{"query": "q", "params": {"a": 1}}]


def test_events_come_as_they_are_sent_and_the_event_loop_is_free_meanwhile(server: Streamer, inference: Any):
    server.permits = threading.Semaphore(1)
    server.parts = (b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n')

    async def ask() -> list[Any]:
        events = await inference.chat({"stream": True})
        seen = [await anext(events)]
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert not waiting.done(), "the server was not yet allowed to send it"
        assert server.permits is not None
        server.permits.release(2)
        return [*seen, await waiting, *await collected(events)]

    assert asyncio.run(ask()) == [{"n": 1}, {"n": 2}]


def test_whoever_stops_early_hangs_up(server: Streamer, inference: Any):
    server.parts = (b'data: {"n": 1}\n\n',) * 100_000

    async def ask() -> None:
        async with await inference.chat({"stream": True}) as events:
            assert await anext(events) == {"n": 1}
        assert await collected(events) == []

    asyncio.run(ask())
    assert server.hung_up.wait(10)


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("", []),
        (": keep-alive\n\n\n\ndata:1\n\n", [1]),
        ('event: message\nid: 7\nretry: 10\ndata: {"a": 1}\n\n', [{"a": 1}]),
        ('data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        ('data: {"a": 1}\r\n\r\ndata: 2\r\n\r\n', [{"a": 1}, 2]),
        ("data: 1\n\ndata: [DONE]\n\ndata: 2\n\n", [1]),
        ('data: {"error": null, "id": "r"}\n\n', [{"error": None, "id": "r"}]),
        ('data: "\u00e9"\n\n', ["\u00e9"]),
    ],
)
def test_the_format_of_server_sent_events(
    text: str, events: list[Any], chunked: bool, server: Streamer, inference: Any
):
    server.chunked, server.parts = chunked, tuple(part.encode() for part in text)

    assert streamed(inference) == events


@pytest.mark.parametrize(
    ("parts", "words", "status"),
    [
        ((b'data: {"error": {"message": "no such model", "code": "404"}}\n\n',), "no such model", 404),
        ((b'data: {"error": "it broke"}\n\n',), "it broke", 200),
        ((b"data: <html>\n\n",), "no JSON", 200),
        ((b"data: " + b"[" * 100_000 + b"\n\n",), "no JSON", 200),
        ((b"data: 1\n\n", b"data: 2"), "ended within an event", None),
    ],
)
def test_what_goes_wrong_in_a_stream_is_told(
    parts: tuple[bytes, ...], words: str, status: int | None, server: Streamer, inference: Any
):
    server.parts = parts

    with pytest.raises(RemoteError, match=words) as told:
        streamed(inference)
    assert "POST /v1/chat" in str(told.value)
    assert told.value.status == status


def test_an_event_that_is_too_large_is_told(server: Streamer, inference: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_stream, "MAX_EVENT", 100)
    server.parts = (b"data: " + b"1" * 200 + b"\n\n",)

    with pytest.raises(RemoteError, match="more than 100 bytes"):
        streamed(inference)


def test_a_server_that_falls_silent_is_told(server: Streamer):
    server.permits, server.parts = threading.Semaphore(1), (b"data: 1\n\n", b"data: 2\n\n")
    connection = Connection(f"http://127.0.0.1:{server.server_port}", timeout=0.2)
    release = ReleaseKnowledge.from_dict(core(protocols=PROTOCOLS))
    inference = resolve_remote_stack_impls(connection, ["inference"], release)["inference"]

    with pytest.raises(RemoteError, match="broke off: timed out"):
        streamed(inference)
    server.permits.release(2)


class Bytes:
    """An answer that is there already; that sockets behave so is pinned above."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readline(self, limit: int) -> bytes:
        return self._file.readline(limit)

    def close(self) -> None:
        self._file.close()


@given(st.binary(max_size=200) | st.text("data: {}[]1\n\r:", max_size=60).map(str.encode))
def test_whatever_the_bytes_are_the_answer_is_events_or_a_remote_error(content: bytes):
    async def ask() -> None:
        events: Any = EventStream(Bytes(content), "it")  # type: ignore[arg-type]
        with suppress(RemoteError):
            await collected(events)
        assert await collected(events) == []

    asyncio.run(ask())
