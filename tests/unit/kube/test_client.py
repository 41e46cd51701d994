"""What goes over the wire, and what becomes of each answer: a real HTTP server that notes requests.

Not a real API server, since none can be made to answer with a proxy's error page, a number of seconds to wait, or a
watch that is refused. With a real one the client runs in every test of tests/e2e.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.configuration import Configuration

from llamastack_operator.kube.client import LONGEST_PAGE, ApiError, Client, LongPageError
from llamastack_operator.kube.echo import Head
from llamastack_operator.kube.lines import LONGEST
from llamastack_operator.kube.told import Told
from llamastack_operator.objects.bounded_json import CUT
from llamastack_operator.objects.resources import CONFIGMAPS, DEPLOYMENTS, LLAMASTACKS

BODY = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "team-a", "name": "x"}}


def answered(
    make: Callable[[], web.Response], ask: Callable[[Client], Awaitable[Any]], bearer: str = ""
) -> tuple[Any, web.Request, Any]:
    """Ask a server that always answers the same; return the client's result, the request and its decoded body."""
    seen: list[tuple[web.Request, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request, await request.text()))
        return make()

    async def main() -> Any:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(application) as server:
            configuration = Configuration(host=str(server.make_url("")).rstrip("/"))
            if bearer:
                configuration.api_key["BearerToken"] = f"Bearer {bearer}"
            client = Client(configuration)
            try:
                return await ask(client)
            except ApiError as error:
                return error
            finally:
                await client.close()

    result = asyncio.run(main())
    request, text = seen[-1]
    return result, request, json.loads(text) if text else None


def says(body: Any, status: int = 200, **headers: str) -> Callable[[], web.Response]:
    text = body if isinstance(body, str) else json.dumps(body)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.Response(status=status, text=text, headers=given)


def status(code: int, message: str = "words") -> Callable[[], web.Response]:
    return says({"kind": "Status", "code": code, "message": message}, code)


class TestRequests:
    def test_an_apply_forces_its_fields_under_our_name(self) -> None:
        _, request, body = answered(says({}), lambda client: client.apply(CONFIGMAPS, BODY))
        assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/team-a/configmaps/x")
        assert dict(request.query) == {"fieldManager": "llamastack-operator", "force": "true"}
        assert request.headers["Content-Type"] == "application/apply-patch+yaml;charset=utf-8"
        assert body == BODY

    def test_a_status_is_applied_at_its_subresource(self) -> None:
        stack = {**BODY, "kind": "LlamaStack"}
        _, request, _ = answered(says({}), lambda client: client.apply(LLAMASTACKS, stack, "status"))
        assert request.path.endswith("/llamastacks/x/status")

    def test_metadata_alone_is_asked_for_by_the_accept_header(self) -> None:
        _, page, _ = answered(says({}), lambda client: client.list_page(CONFIGMAPS, None, {}, metadata_only=True))
        _, one, _ = answered(says({}), lambda client: client.apply(CONFIGMAPS, BODY, metadata_only=True))
        assert page.headers["Accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        assert one.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

    def test_a_query_is_escaped(self) -> None:
        query = {"labelSelector": "a=b,c in (d)", "continue": "a+/="}
        _, request, _ = answered(says({}), lambda client: client.list_page(CONFIGMAPS, "team-a", query))
        assert dict(request.query) == query

    def test_a_page_is_read_up_to_a_bound_unless_one_object_alone_was_asked_for(self) -> None:
        page = {"items": [{"text": "x" * LONGEST_PAGE}]}

        async def ask(client: Client) -> Any:
            with pytest.raises(LongPageError):
                await client.list_page(CONFIGMAPS, None, {"limit": "2"})
            return await client.list_page(CONFIGMAPS, None, {"limit": "1"})

        found, _, _ = answered(says(page), ask)
        assert found == page

    def test_a_new_object_is_posted_to_its_collection(self) -> None:
        _, request, body = answered(says({}, 201), lambda client: client.create(CONFIGMAPS, BODY))
        assert (request.method, request.path) == ("POST", "/api/v1/namespaces/team-a/configmaps")
        assert body == BODY

    def test_only_the_object_of_that_uid_is_deleted(self) -> None:
        _, request, body = answered(says({}), lambda client: client.delete(DEPLOYMENTS, "team-a", "x", uid="u"))
        assert (request.method, body["preconditions"]) == ("DELETE", {"uid": "u"})
        assert body["propagationPolicy"] == "Background"

    def test_a_version_can_be_the_only_one_to_be_deleted(self) -> None:
        _, _, body = answered(says({}), lambda client: client.delete(DEPLOYMENTS, "team-a", "x", uid="u", version=7))
        assert body["preconditions"] == {"uid": "u", "resourceVersion": "7"}

    def test_a_merge_sends_the_patch_as_it_is(self) -> None:
        patch = {"metadata": {"resourceVersion": "7", "annotations": {"a": None}}}
        _, request, body = answered(says({}), lambda client: client.merge(DEPLOYMENTS, "team-a", "x", patch))
        assert (request.method, request.path) == ("PATCH", "/apis/apps/v1/namespaces/team-a/deployments/x")
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        assert dict(request.query) == {"fieldManager": "llamastack-operator"}
        assert body == patch

    def test_every_request_says_who_asks(self) -> None:
        _, request, _ = answered(says({}), lambda client: client.get(CONFIGMAPS, "team-a", "x"), bearer="abc")
        assert request.headers["Authorization"] == "Bearer abc"
        assert request.headers["User-Agent"].startswith("llamastack-operator/")


class TestAnswers:
    def test_no_request_goes_to_a_proxy_of_the_environment_which_is_for_builds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)

        async def through_the_session_of_kopf(client: Client) -> Any:
            session = await client.session(Told())
            async with session, session.get(f"{client.configuration.host}/api") as response:
                return await response.json()

        result, _, _ = answered(says(BODY), lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert result == BODY
        assert answered(says(BODY), through_the_session_of_kopf)[0] == BODY

    def test_every_request_goes_to_the_proxy_that_the_kubeconfig_names(self) -> None:
        async def main() -> list[str]:
            asked = []

            async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                asked.append((await reader.readline()).decode().split()[1])
                writer.close()

            async with await asyncio.start_server(proxied, "127.0.0.1", 0) as proxy:
                configuration = Configuration(host="http://api.example")
                configuration.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
                client = Client(configuration)
                with contextlib.suppress(aiohttp.ClientError):
                    await client.get(CONFIGMAPS, "team-a", "x")
                async with await client.session(Told()) as session:
                    with contextlib.suppress(aiohttp.ClientError):
                        await session.get("http://api.example/apis")
                await client.close()
            return asked

        asked = asyncio.run(main())
        assert "http://api.example/api/v1/namespaces/team-a/configmaps/x" in asked
        assert "http://api.example/apis" in asked

    def test_an_object_is_a_dict(self) -> None:
        found, _, _ = answered(says(BODY), lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert found == BODY

    def test_what_is_nested_too_deeply_is_cut(self) -> None:
        deep = '{"a": ' * 5000 + "1" + "}" * 5000
        found, _, _ = answered(says(deep), lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert CUT in json.dumps(found)

    def test_an_object_that_does_not_exist_is_none(self) -> None:
        found, _, _ = answered(status(404), lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert found is None

    @pytest.mark.parametrize("code", [404, 409])
    def test_what_is_gone_or_was_replaced_needs_no_deleting(self, code: int) -> None:
        result, _, _ = answered(status(code), lambda client: client.delete(CONFIGMAPS, "team-a", "x", uid="u"))
        assert result is None

    def test_another_version_than_the_one_to_be_deleted_is_a_conflict(self) -> None:
        ask = status(409)
        error, _, _ = answered(ask, lambda client: client.delete(DEPLOYMENTS, "team-a", "x", uid="u", version=7))
        assert isinstance(error, ApiError)
        assert error.code == 409
        gone, _, _ = answered(status(404), lambda client: client.delete(DEPLOYMENTS, "team-a", "x", uid="u", version=7))
        assert gone is None

    def test_a_merge_into_another_version_is_a_conflict(self) -> None:
        error, _, _ = answered(status(409), lambda client: client.merge(DEPLOYMENTS, "team-a", "x", {}))
        assert isinstance(error, ApiError)
        assert error.code == 409

    @pytest.mark.parametrize("code", [400, 401, 403, 422, 429, 500, 503])
    def test_any_other_refusal_is_an_error_with_the_servers_words(self, code: int) -> None:
        for ask in (
            lambda client: client.get(CONFIGMAPS, "team-a", "x"),
            lambda client: client.delete(CONFIGMAPS, "team-a", "x", uid="u"),
            lambda client: client.apply(CONFIGMAPS, BODY),
        ):
            error, _, _ = answered(status(code), ask)
            assert isinstance(error, ApiError)
            assert (error.code, str(error)) == (code, "words")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("<html>bad gateway</html>", "<html>bad gateway</html>"),
            ("x" * 5000, "x" * 512),
            ("", "HTTP status 502"),
            ("[1]", "HTTP status 502"),
            ('"text"', "HTTP status 502"),
        ],
    )
    def test_an_error_that_no_api_server_wrote_is_told_in_short(self, body: str, message: str) -> None:
        error, _, _ = answered(says(body, 502), lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert str(error) == message

    @pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)])
    def test_how_long_to_wait_is_taken_from_the_server(self, header: str, seconds: float | None) -> None:
        answer = says({"message": "too many"}, 429, Retry_After=header)
        error, _, _ = answered(answer, lambda client: client.get(CONFIGMAPS, "team-a", "x"))
        assert error.retry_after == seconds


class TestLog:
    def log(self, answer: Callable[[], web.Response], limit: int = 100, tail: int | None = None) -> Any:
        return answered(answer, lambda client: client.log("team-a", "pod", "push", limit, tail))

    def test_of_one_container_is_asked_for_within_a_limit(self) -> None:
        text, request, _ = self.log(says("progress: packing\n"))
        assert text == "progress: packing\n"
        assert request.path == "/api/v1/namespaces/team-a/pods/pod/log"
        assert dict(request.query) == {"container": "push", "limitBytes": "100"}

    def test_can_be_its_last_lines_alone(self) -> None:
        _, request, _ = self.log(says("x"), tail=8)
        assert request.query["tailLines"] == "8"

    def test_is_cut_whatever_the_server_sends(self) -> None:
        text, _, _ = self.log(says("x" * 5_000_000), limit=70_000)
        assert text == "x" * 70_000

    def test_that_is_large_comes_whole(self) -> None:
        text, _, _ = self.log(says("x" * 3_000_000), limit=5_000_000)
        assert len(text) == 3_000_000

    def test_of_bytes_that_are_no_text_is_text(self) -> None:
        text, _, _ = self.log(lambda: web.Response(body=b"a\xffb"))
        assert text == "a\ufffdb"

    @pytest.mark.parametrize("code", [400, 404])
    def test_of_a_container_that_has_not_started_or_is_gone_is_empty(self, code: int) -> None:
        text, _, _ = self.log(status(code))
        assert text == ""

    @pytest.mark.parametrize("code", [403, 500])
    def test_that_is_refused_is_an_error(self, code: int) -> None:
        error, _, _ = self.log(status(code))
        assert isinstance(error, ApiError)
        assert error.code == code


class TestWatch:
    def test_of_what_is_known_yields_a_bookmark_and_nothing_else(self) -> None:
        metadata = {"name": "bot", "namespace": "team-a", "uid": "u", "resourceVersion": "7"}
        event = {"type": "ADDED", "object": {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {}}}
        text = json.dumps(event, separators=(",", ":")) + "\n"

        known: list[Head] = []

        async def watched(client: Client, is_known: bool) -> list[Any]:
            def know(head: Head) -> bool:
                known.append(head)
                return is_known

            return [one async for one in client.watch(CONFIGMAPS, None, {}, False, know)]

        first, _, _ = answered(says(text), lambda client: watched(client, True))
        second, _, _ = answered(says(text), lambda client: watched(client, False))
        assert known[0] == Head(("team-a", "bot"), "u", 7)
        assert first == [{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}]
        assert second == [event]

    async def collect(self, client: Client) -> list[Any]:
        return [event async for event in client.watch(CONFIGMAPS, "team-a", {"resourceVersion": "5"})]

    def test_yields_each_line_until_the_server_closes_it(self) -> None:
        lines = '{"type": "ADDED", "object": {"a": 1}}\n{"type": "BOOKMARK", "object": {}}\n'
        events, request, _ = answered(says(lines), self.collect)
        assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
        assert dict(request.query) == {"resourceVersion": "5", "watch": "true"}

    @pytest.mark.parametrize("letter", ["x", "<"])
    def test_takes_a_line_of_megabytes(self, letter: str) -> None:
        """etcd takes objects of 1.5 MiB, and a watch sends each one as a single line, in which `<` is six bytes."""
        text = json.dumps({"type": "ADDED", "object": {"text": letter * 1_200_000}}).replace("<", "\\u003c")
        events, _, _ = answered(says(f"{text}\n"), self.collect)
        assert len(events[0]["object"]["text"]) == 1_200_000

    def test_passes_over_a_line_that_is_longer_than_any_and_goes_on(self) -> None:
        long, good = ({"type": "ADDED", "object": {"text": "x" * size}} for size in (LONGEST, 1))
        events, _, _ = answered(says(f"{json.dumps(long)}\n{json.dumps(good)}\n"), self.collect)
        assert events == [good]

    def test_ends_with_the_last_whole_line_where_it_is_cut_off(self) -> None:
        events, _, _ = answered(says('{"type": "BOOKMARK"}\n{"type": "ADD'), self.collect)
        assert events == [{"type": "BOOKMARK"}]

    def test_that_is_refused_is_an_error(self) -> None:
        error, _, _ = answered(status(410, "too old"), self.collect)
        assert isinstance(error, ApiError)
        assert (error.code, str(error)) == (410, "too old")
