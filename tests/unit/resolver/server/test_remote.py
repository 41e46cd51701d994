"""Clients of a running server, against a real HTTP server in this process."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.resolution import resolve
from llamastack_resolver.server.remote import Connection, RemoteError, resolve_remote_stack_impls
from llamastack_resolver.server.verify import ServerView, verify
from tests.support.small_release import config, core, entry, knowledge

PROTOCOLS = {
    "inference": {
        "class": "x.Inference",
        "methods": {
            "chat": {
                "parameters": [{"name": "model", "required": True}, {"name": "messages"}],
                "route": {"method": "POST", "path": "/v1/chat"},
            },
            "internal": {},
        },
    },
    "models": {
        "class": "x.Models",
        "methods": {
            "get_model": {
                "parameters": [{"name": "request", "required": True}],
                "route": {"method": "GET", "path": "/v1/models/{model_id}"},
            }
        },
    },
}


class Server(BaseHTTPRequestHandler):
    """A stack that answers with what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.partition("?")[0]
        status, value = 200, self.answers.get(path)
        if (value is None and path.startswith("/v1/models/")) or path == "/v1/chat":
            value = {"path": self.path, "body": body, "auth": self.headers.get("Authorization")}
        if value is None:
            status, value = 404, {"detail": "Not Found"}
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def release() -> ReleaseKnowledge:
    return ReleaseKnowledge.from_dict(core(protocols=PROTOCOLS))


class TestClients:
    def test_have_the_methods_of_the_protocol_and_of_its_routing_table(self, url: str, release: ReleaseKnowledge):
        impls = resolve_remote_stack_impls(Connection(url, "t"), ["inference"], release)

        answer = asyncio.run(impls["inference"].chat("m", messages=[]))

        assert sorted(impls) == ["inference", "models"]
        assert answer == {"path": "/v1/chat", "body": {"model": "m", "messages": []}, "auth": "Bearer t"}
        assert not hasattr(impls["inference"], "internal")

    def test_put_the_fields_of_a_request_object_where_the_route_wants_them(self, url: str, release: ReleaseKnowledge):
        models = resolve_remote_stack_impls(Connection(url), ["models"], release)["models"]

        answer = asyncio.run(models.get_model({"model_id": "a/b c", "full": True}))

        assert answer["path"] == "/v1/models/a/b%20c?full=True"

    def test_refuse_a_missing_path_parameter_and_an_unknown_api(self, url: str, release: ReleaseKnowledge):
        models = resolve_remote_stack_impls(Connection(url), ["models"], release)["models"]

        with pytest.raises(TypeError, match="model_id"):
            asyncio.run(models.get_model({}))
        with pytest.raises(KeyError):
            resolve_remote_stack_impls(Connection(url), ["weather"], release)

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("http://127.0.0.1:9", "cannot be reached"),
            ("ftp://x", "is no http"),
            ("nonsense", "is no http"),
            ("http://[bad", "is no http"),
        ],
    )
    def test_say_why_a_server_cannot_be_reached(self, address: str, words: str):
        with pytest.raises(RemoteError, match=words):
            Connection(address, timeout=2).request("GET", "/")

    def test_pass_on_the_servers_own_words(self, url: str):
        with pytest.raises(RemoteError, match="404 Not Found"):
            Connection(url).request("GET", "/v1/nothing")

    def test_refuse_answers_that_are_no_json(self, url: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Server, "answers", {"/v1/x": b"<html>"})

        with pytest.raises(RemoteError, match="no JSON"):
            Connection(url).request("GET", "/v1/x")


class TestVerify:
    ANSWERS: ClassVar[dict[str, Any]] = {
        "/v1/version": {"version": "0.7.3"},
        "/v1/providers": {
            "data": [
                {
                    "api": "inference",
                    "provider_id": "vllm",
                    "provider_type": "remote::vllm",
                    "health": {"status": "OK"},
                },
                {
                    "api": "files",
                    "provider_id": "fs",
                    "provider_type": "inline::localfs",
                    "health": {"status": "Error", "message": "disk full"},
                },
            ]
        },
        "/v1/inspect/routes": {"data": [{"route": "/v1/chat"}, {"route": "/v1/models/{id:path}"}]},
    }

    def look(self, url: str, release: ReleaseKnowledge, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> ServerView:
        monkeypatch.setattr(Server, "answers", {**self.ANSWERS, **changes.pop("answers", {})})
        raw = config(providers=changes.pop("providers", {}))
        return verify(Connection(url), release, changes.pop("apis", []), resolve(raw, knowledge()), **changes)

    def found(self, view: ServerView) -> list[tuple[str, str | None]]:
        return [(f.reason.value, f.provider or f.api) for f in view.findings.sorted()]

    WANTED: ClassVar[dict[str, Any]] = {
        "inference": [entry("vllm", "remote::vllm")],
        "files": [entry("fs", "inline::localfs")],
    }

    def test_reports_a_provider_that_is_not_well(self, url, release, monkeypatch):  # noqa: ANN001
        view = self.look(url, release, monkeypatch, providers=self.WANTED, apis=["inference"])

        assert self.found(view) == [("Unhealthy", "fs")]
        assert view.apis == {"inference": "served"}

    def test_compares_providers_with_the_config(self, url, release, monkeypatch):  # noqa: ANN001
        wanted = {"inference": [entry("vllm", "remote::openai"), entry("more", "remote::vllm")]}

        view = self.look(url, release, monkeypatch, providers=wanted, apis=["inference"])

        assert ("SpecMismatch", "vllm") in self.found(view)
        assert ("MissingReference", "more") in self.found(view)
        assert ("MissingReference", "fs") in self.found(view)

    def test_looks_for_no_provider_that_may_be_off_and_takes_it_where_it_is(self, url, release, monkeypatch):  # noqa: ANN001
        wanted = {
            "inference": [entry("${env.A:+vllm}", "remote::vllm"), entry("${env.B:+more}", "remote::vllm")],
            "files": [entry("${env.FILES}", "inline::localfs")],
        }

        view = self.look(url, release, monkeypatch, providers=wanted, apis=["inference"])

        assert self.found(view) == [("Unhealthy", "fs")]

    def test_compares_the_version(self, url, release, monkeypatch):  # noqa: ANN001
        answers = {"/v1/version": {"version": "0.6.0"}}

        view = self.look(url, release, monkeypatch, answers=answers, providers=self.WANTED, apis=["inference"])

        assert ("UnsupportedVersion", None) in self.found(view)

    def test_finds_apis_that_are_not_served_or_do_not_exist(self, url, release, monkeypatch):  # noqa: ANN001
        answers = {"/v1/inspect/routes": {"data": [{"route": "/v1/other"}]}}

        view = self.look(
            url, release, monkeypatch, answers=answers, providers=self.WANTED, apis=["inference", "infernce"]
        )

        assert view.apis == {"inference": "missing", "infernce": "unknown"}

    def test_says_that_a_server_cannot_be_reached(self, release: ReleaseKnowledge):
        view = verify(Connection("http://127.0.0.1:9", timeout=2), release, [])

        assert [f.reason for f in view.findings] == ["Unreachable"]
