"""A server between the client and a real registry that breaks what a test tells it to break.

No registry can be asked to be overloaded, to lose an answer, or to redirect to a stranger; all else that goes through
is answered by the real one.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.errors import Action
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.retry import Backoff
from llamastack_operator.images.registry.transport import Transport
from tests.images.bed import QUICK


@dataclass
class Fault:
    """What happens to the next requests that fit.

    Attributes:
        method: HTTP method.
        path: part of the path.
        times: how many requests.
        status: answered instead of the registry; None lets the registry answer.
        headers: of that answer.
        body: of that answer.
        cut: send only so many bytes of the registry's answer, and close; 0 loses the answer as a whole.
    """

    method: str
    path: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None


@dataclass
class Seen:
    """One request that came in."""

    method: str
    path: str
    headers: Message


class Proxy:
    """Passes requests on to a registry at `host:port`."""

    def __init__(self, target: str, *faults: Fault) -> None:
        self.target = target
        self.faults = list(faults)
        self.seen: list[Seen] = []
        self.host = ""

    def client(
        self, repository: str, action: Action = "pull", credential: Credential | None = None, backoff: Backoff = QUICK
    ) -> Client:
        places = Endpoints(plain_http=[self.host])
        place = places.push(parse_reference(f"{self.host}/{repository}"))
        return Client(Transport(places), place, action, credential, backoff)

    def count(self, method: str) -> int:
        return sum(1 for request in self.seen if request.method == method)

    def fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and fault.path in path:
                fault.times -= 1
                return fault
        return None


@contextmanager
def between(target: str, *faults: Fault) -> Iterator[Proxy]:
    """Run such a proxy on a free port of loopback."""
    proxy = Proxy(target, *faults)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    proxy.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _pass_on(self) -> None:
        parts = urlsplit(self.path)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.proxy.seen.append(Seen(self.command, self.path, self.headers))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault(self.command, path)
        if fault and fault.status is not None:
            return self._answer(fault.status, fault.headers, fault.body)
        upstream = http.client.HTTPConnection(parts.netloc or self.proxy.target, timeout=10)
        upstream.request(self.command, path, body or None, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        if fault and fault.cut is not None:
            return self._cut(fault.cut, answer, content)
        return self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _pass_on  # noqa: N815

    def _cut(self, size: int, answer: http.client.HTTPResponse, content: bytes) -> None:
        if size:
            self._head(answer.status, dict(answer.getheaders()), len(content))
            self.wfile.write(content[:size])
            self.wfile.flush()
        self.close_connection = True

    def _head(self, status: int, headers: Mapping[str, str], size: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._head(status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
