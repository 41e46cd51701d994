"""What a running server says of its providers, against real servers on the loopback interface, well-behaved and not.

That answers of the releases are read is shown in tests/conformance/test_provider_health.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.probe import health as probe
from llamastack_operator.probe.health import SIZE_LIMIT, parse_health, provider_health
from tests.unit.probe.servers import reply, serving

MODEL, VECTORS, SHIELD = ("inference", "vllm"), ("vector_io", "faiss"), ("safety", "mine")
KNOWN = frozenset({MODEL, VECTORS, SHIELD})
CANARY = "canary-4711-of-a-secret"


def row(name: ProviderName, status: Any, **more: Any) -> dict[str, Any]:
    health = {"status": status, "message": f"Health check failed: Incorrect API key provided: {CANARY}"}
    known = {"api": name[0], "provider_id": name[1], "provider_type": "remote::x", "config": {"api_key": CANARY}}
    return {**known, "health": health, **more}


def answer(*rows: Any) -> bytes:
    return json.dumps({"data": rows}).encode()


GOOD = answer(row(MODEL, "Error"), row(VECTORS, "OK"), row(SHIELD, "Not Implemented"))
TOLD: dict[ProviderName, Health] = {MODEL: "Error", VECTORS: "OK"}


def ask(port: int) -> dict[ProviderName, Health] | None:
    return asyncio.run(provider_health("127.0.0.1", port, KNOWN))


def test_a_server_is_asked_once_for_its_providers() -> None:
    with serving(reply(GOOD)) as (port, asked):
        assert ask(port) == TOLD
    assert asked == ["/v1/providers"]


def test_of_what_a_vendor_says_nothing_is_kept() -> None:
    with serving(reply(GOOD)) as (port, _):
        assert CANARY not in repr(ask(port))


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 429])
def test_a_server_that_does_not_want_to_tell_tells_nothing(status: int) -> None:
    with serving(reply(b"" if status == 204 else GOOD, status)) as (port, _):
        assert ask(port) == {}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_one_that_cannot_now_may_be_asked_again(status: int) -> None:
    with serving(reply(GOOD, status)) as (port, _):
        assert ask(port) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(reply(GOOD)) as (elsewhere, asked_elsewhere):
        location = f"http://127.0.0.1:{elsewhere}/v1/providers"
        with serving(reply(b"", status, Location=location)) as (port, _):
            assert ask(port) == {}
    assert asked_elsewhere == []


def test_a_server_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT", 0.05)
    released = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        released.wait(10)

    with serving(silent) as (port, _):
        assert ask(port) is None
        released.set()


def test_one_without_a_server_or_without_http_may_be_asked_again() -> None:
    def garbage(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"\x15\x03\x03\x00\x02\x02\x46")

    with serving(garbage) as (port, _):
        assert ask(port) is None
    assert ask(port) is None


def test_an_answer_with_many_providers_is_read_and_one_without_end_is_not() -> None:
    others = [row(("inference", f"other-{number}"), "OK") for number in range(800)]
    fits = answer(*others, row(MODEL, "OK"))
    assert SIZE_LIMIT // 2 < len(fits) < SIZE_LIMIT
    with serving(reply(fits)) as (port, _):
        assert ask(port) == {MODEL: "OK"}
    with serving(reply(answer(row(MODEL, "OK"), row(SHIELD, "OK", config="x" * SIZE_LIMIT)))) as (port, _):
        assert ask(port) == {}


def test_a_packed_answer_is_not_unpacked() -> None:
    with serving(reply(gzip.compress(GOOD), 200, **{"Content-Encoding": "gzip"})) as (port, _):
        assert ask(port) == {}


WORDS = st.sampled_from(["OK", "Error", "Not Implemented", "ok", "", "OK\n", CANARY]) | st.none() | st.integers()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "api", "provider_id", "health", "status", "message", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
ROWS = st.lists(st.builds(row, st.sampled_from([*KNOWN, ("a", "b")]), WORDS) | ANYTHING, max_size=4)


class TestParsing:
    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"null",
            b"[]",
            b'"data"',
            b"{}",
            b'{"data": null}',
            b'{"data": "OK"}',
            b'{"data": {"api": "inference"}}',
            b'{"data": [',
            b"\xff\xfe",
            b"[" * SIZE_LIMIT,
            b'{"data": ' + b"[" * 5000,
            b'{"data": ' + b"9" * 5000 + b"}",
        ],
    )
    def test_takes_nothing_of_what_is_no_list_of_providers(self, text: bytes) -> None:
        assert parse_health(text, KNOWN) == {}

    @pytest.mark.parametrize(
        "entry",
        [
            None,
            [],
            "inference",
            row(MODEL, "Not Implemented"),
            row(MODEL, "ERROR"),
            row(MODEL, ["OK"]),
            row(MODEL, "OK", health=None),
            row(MODEL, "OK", health="OK"),
            row(MODEL, "OK", api=7),
            row(MODEL, "OK", api=["inference"]),
            row(MODEL, "OK", provider_id=None),
            row(("inference", "other"), "OK"),
            row(("vector_io", "vllm"), "OK"),
            row(("inference", "vllm\x1b[2J"), "OK"),
        ],
    )
    def test_passes_over_what_is_no_health_of_a_known_provider(self, entry: Any) -> None:
        assert parse_health(answer(entry, row(VECTORS, "OK")), KNOWN) == {VECTORS: "OK"}

    def test_takes_the_first_of_two_that_have_one_name(self) -> None:
        assert parse_health(answer(row(MODEL, "Error"), row(MODEL, "OK")), KNOWN) == {MODEL: "Error"}

    @given(st.binary(max_size=200) | ROWS.map(lambda rows: answer(*rows)) | ANYTHING.map(json.dumps).map(str.encode))
    @example(b'{"data": NaN}')
    @example(b'{"data": [{"api": "\\ud800", "provider_id": "x", "health": {"status": "OK"}}]}')
    @example(b"\xef\xbb\xbf{}")
    def test_of_any_bytes_gives_two_words_under_names_of_ours(self, text: bytes) -> None:
        told = parse_health(text, KNOWN)
        assert told.keys() <= KNOWN
        assert set(told.values()) <= {"OK", "Error"}
        assert all(any(name is ours for ours in KNOWN) for name in told)
