"""The question to a running server, against real servers on the loopback interface, well-behaved and not."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llamastack_operator.probe import version as probe
from llamastack_operator.probe.version import SIZE_LIMIT, parse_version, server_version
from tests.unit.probe.servers import reply, serving


def ask(port: int) -> str | None:
    return asyncio.run(server_version("127.0.0.1", port))


GOOD = b'{"version": "0.7.3"}'


def test_a_server_is_asked_once_for_its_version() -> None:
    with serving(reply(GOOD)) as (port, asked):
        assert ask(port) == "0.7.3"
    assert asked == ["/v1/version"]


@pytest.mark.parametrize("status", [201, 204, 404, 500])
def test_an_answer_that_is_no_success_tells_nothing(status: int) -> None:
    with serving(reply(b"" if status == 204 else GOOD, status)) as (port, _):
        assert ask(port) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(reply(GOOD)) as (elsewhere, asked_elsewhere):
        location = f"http://127.0.0.1:{elsewhere}/v1/version"
        with serving(reply(b"", status, Location=location)) as (port, _):
            assert ask(port) is None
    assert asked_elsewhere == []


def test_a_server_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT", 0.05)
    released = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        released.wait(10)

    with serving(answer) as (port, asked):
        assert ask(port) is None
        released.set()
    assert asked == ["/v1/version"]


def test_a_server_that_drips_is_given_up_in_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT", 0.1)
    released = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not released.wait(0.01):
            try:
                request.wfile.write(b" ")
            except OSError:
                return

    with serving(answer) as (port, _):
        assert ask(port) is None
        released.set()


def test_an_answer_that_arrives_in_pieces_is_read_to_its_end() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for piece in (GOOD[:5], GOOD[5:]):
            request.wfile.write(piece)
            request.wfile.flush()
            threading.Event().wait(0.05)

    with serving(answer) as (port, _):
        assert ask(port) == "0.7.3"


def test_of_a_large_answer_only_the_start_is_read() -> None:
    large = json.dumps({"version": "0.7.3", "more": "x" * 10 * SIZE_LIMIT}).encode()
    with serving(reply(large)) as (port, _):
        assert ask(port) is None


def test_a_packed_answer_is_not_unpacked() -> None:
    with serving(reply(gzip.compress(GOOD), 200, **{"Content-Encoding": "gzip"})) as (port, _):
        assert ask(port) is None


def test_a_server_that_speaks_no_http_tells_nothing() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"\x00\x01\x02 garbage\r\n\r\n")

    with serving(answer) as (port, _):
        assert ask(port) is None


def test_a_port_without_a_server_tells_nothing() -> None:
    with serving(reply(GOOD)) as (port, _):
        pass
    assert ask(port) is None


class TestParsing:
    @pytest.mark.parametrize("version", ["0.7.3", "1.0.0rc1", "0.7.3.dev1+gabc.d20260101", "2026-01"])
    def test_takes_what_could_be_a_version(self, version: str) -> None:
        assert parse_version(json.dumps({"version": version}).encode()) == version

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"null",
            b"[]",
            b'"0.7.3"',
            b"{}",
            b'{"version": 7}',
            b'{"version": null}',
            b'{"version": ""}',
            b'{"version": "0.7.3\\n"}',
            b'{"version": "<script>"}',
            b'{"version": "' + b"1" * 65 + b'"}',
            b'{"version": "0.7.3"',
            b"\xff\xfe",
            b"[" * SIZE_LIMIT,
        ],
    )
    def test_takes_nothing_else(self, answer: bytes) -> None:
        assert parse_version(answer) is None

    @given(st.binary(max_size=200) | st.text(max_size=80).map(lambda text: json.dumps({"version": text}).encode()))
    @example(b'{"version": NaN}')
    @example(b'{"version": 1' + b"0" * 4000 + b"}")
    @example(b"\xef\xbb\xbf{}")
    def test_of_any_bytes_gives_a_short_plain_version_or_none(self, answer: bytes) -> None:
        version = parse_version(answer)
        if version is not None:
            assert 0 < len(version) <= 64
            assert version.isascii() and version.isprintable() and " " not in version
