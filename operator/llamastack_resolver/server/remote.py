"""Clients of a running server whose methods are the protocols', and the checks that `llamastack verify`
makes.

The routes come from the release's protocols, so that a client fits the server whatever its release. It speaks
HTTP with the standard library only: the same zipapp runs in stack images.

Upstream: `resolve_remote_stack_impls` and `create_api_client_class` (removed in ogx).
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any

from llamastack_resolver.knowledge import Method, Protocol, ReleaseKnowledge
from llamastack_resolver.server.event_stream import EventStream, RemoteError

__all__ = ["Connection", "EventStream", "RemoteError", "RemoteImpl", "resolve_remote_stack_impls"]
EVENT_STREAM = "text/event-stream"
MAX_BODY = 16 * 1024 * 1024
_PLACEHOLDER = re.compile(r"{([^{}:]+)(?::[^{}]*)?}")


@dataclass(frozen=True)
class Connection:
    """How to reach a server.

    Attributes:
        url: its base URL.
        token: bearer token, for servers with authentication.
        timeout: seconds that the server may be silent; a method that waits for a job of an ogx worker needs more.
        headers: headers that every request has.
    """

    url: str
    token: str | None = None
    timeout: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Send a request and return the decoded answer: JSON, or None where there is no content.

        Raises:
            RemoteError: no answer, an error status, or an answer that is no JSON.
        """
        name = f"{method} {path}"
        with self._open(method, path, query, body) as response:
            return self._decoded(response, name)

    def call(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Send a request and return the decoded answer, or its events where the server streams.

        Raises:
            RemoteError: as for `request`.
        """
        name = f"{method} {path}"
        response = self._open(method, path, query, body)
        if response.headers.get_content_type() == EVENT_STREAM:
            return EventStream(response, name)
        with response:
            return self._decoded(response, name)

    def _open(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> HTTPResponse:
        request = urllib.request.Request(  # noqa: S310
            self._address(path, query), method=method, headers=self._headers(body is not None)
        )
        if body is not None:
            request.data = json.dumps(body).encode()
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=self.timeout)  # noqa: S310
            return response
        except urllib.error.HTTPError as error:
            with error:
                detail = error.read(2000).decode("utf-8", "replace")
            raise RemoteError(f"{method} {path}: {error.code} {_detail(detail) or error.reason}", error.code) from None
        except (OSError, HTTPException, ValueError) as error:
            raise self._unreachable(error) from None

    def _decoded(self, response: HTTPResponse, name: str) -> Any:
        try:
            content = response.read(MAX_BODY)
        except (OSError, HTTPException, ValueError) as error:
            raise self._unreachable(error) from None
        try:
            return json.loads(content) if content.strip() else None
        except (ValueError, RecursionError):
            raise RemoteError(f"{name}: the answer is no JSON", 200) from None

    def _unreachable(self, error: Exception) -> RemoteError:
        return RemoteError(f"{self.url} cannot be reached: {getattr(error, 'reason', None) or error}")

    def _address(self, path: str, query: Mapping[str, Any] | None) -> str:
        base = self.url.rstrip("/")
        try:
            scheme = urllib.parse.urlsplit(base).scheme
        except ValueError:
            scheme = ""
        if scheme not in ("http", "https"):
            raise RemoteError(f"{self.url!r} is no http or https URL")
        given = {key: value for key, value in (query or {}).items() if value is not None}
        return f"{base}{path}" + (f"?{urllib.parse.urlencode(given, doseq=True)}" if given else "")

    def _headers(self, has_body: bool) -> dict[str, str]:
        headers = {"Accept": f"application/json, {EVENT_STREAM}", **self.headers}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if has_body:
            headers["Content-Type"] = "application/json"
        return headers


class RemoteImpl:
    """An implementation of a protocol by a running server: one coroutine for each method with a route.

    A method that streams returns an `EventStream`, an async iterator; which one does is the server's own decision by
    the arguments (`stream=True`), so that its answer's content type is asked, as upstream's protocols leave it open
    (`X | AsyncIterator[Y]`).
    """

    def __init__(self, api: str, protocol: Protocol, connection: Connection) -> None:
        self.api = api
        self._connection = connection
        for method in protocol.methods.values():
            if method.route:
                setattr(self, method.name, self._caller(method))

    def _caller(self, method: Method) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(self._call, method, args, kwargs)

        call.__name__ = method.name
        return call

    def _call(self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if method.route is None:
            raise RemoteError(f"{self.api}.{method.name} has no route")
        values = _arguments(method, args, kwargs)
        path = _PLACEHOLDER.sub(lambda match: _path_value(method, match[1], values), method.route.path)
        if method.route.method in ("GET", "DELETE", "HEAD"):
            return self._connection.call(method.route.method, path, query=values)
        return self._connection.call(method.route.method, path, body=values)


def resolve_remote_stack_impls(
    connection: Connection, apis: Iterable[str], knowledge: ReleaseKnowledge
) -> dict[str, RemoteImpl]:
    """Return a client for each API, and for the routing table that belongs to it.

    Args:
        connection: the running server.
        apis: names of the APIs.
        knowledge: the server's release, which has the routes.

    Raises:
        KeyError: the release has no such API.
    """
    tables = {pair.router: pair.table for pair in knowledge.routed}
    impls: dict[str, RemoteImpl] = {}
    for api in apis:
        for name in filter(None, (api, tables.get(api))):
            if name in knowledge.protocols:
                impls[name] = RemoteImpl(name, knowledge.protocols[name], connection)
        if api not in impls:
            raise KeyError(api)
    return impls


def _arguments(method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Name the arguments; a request object (newer releases take one) stands for its fields."""
    names = [parameter.name for parameter in method.parameters if parameter.named]
    if len(args) > len(names):
        raise TypeError(f"{method.name}() takes {len(names)} arguments, {len(args)} were given")
    values = {**dict(zip(names, args, strict=False)), **kwargs}
    request = values.pop(_request_object(method, names), None)
    if request is None:
        return values
    fields = request.model_dump(exclude_none=True) if hasattr(request, "model_dump") else dict(request)
    return {**fields, **values}


def _request_object(method: Method, names: list[str]) -> str:
    """Return the name of the parameter that stands for the whole request, empty where there is none.

    It is called `request`, or since 0.3 `params` where that is all that is in the body.
    """
    if "request" in names:
        return "request"
    in_path = set(_PLACEHOLDER.findall(method.route.path)) if method.route else set()
    rest = [name for name in names if name not in in_path]
    return "params" if rest == ["params"] else ""


def _path_value(method: Method, name: str, values: dict[str, Any]) -> str:
    if name not in values:
        raise TypeError(f"{method.name}() needs {name!r}")
    return urllib.parse.quote(str(values.pop(name)), safe="/")


def _detail(text: str) -> str:
    """Return the message of an error answer, whichever of upstream's shapes it has."""
    try:
        data = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:200]
    for key in ("detail", "error", "message"):
        if isinstance(data, dict) and key in data:
            value = data[key]
            return str(value.get("message") or value) if isinstance(value, dict) else str(value)
    return ""
