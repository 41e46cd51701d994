"""HTTP as the registry client uses it: pooled connections, CA bundle, proxies from the environment, time-outs.

urllib3 itself rather than requests: no .netrc, no cookies, no redirect that was not asked for.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.util import make_headers, parse_url

from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.errors import BrokenAnswerError

CONNECT_TIMEOUT = 10.0
"""Seconds until a connection must stand."""
READ_TIMEOUT = 120.0
"""Seconds without a byte after which an answer counts as lost; committing a large blob takes registries a while."""
_USER_AGENT = f"llamastack-operator/{version('llamastack-operator')}"
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)

type Body = bytes | Iterable[bytes] | None
type Response = urllib3.BaseHTTPResponse


class Transport:
    """Sends requests; safe to share between threads."""

    def __init__(self, endpoints: Endpoints, ca_bundle: Path | None = None) -> None:
        """Read the CA bundle.

        Args:
            endpoints: says which hosts may be talked to without TLS.
            ca_bundle: PEM file with authorities that are trusted besides the system's own.

        Raises:
            ValueError: the bundle holds no certificate.
        """
        self._endpoints = endpoints
        self._context = ssl.create_default_context()
        if ca_bundle is not None:
            try:
                self._context.load_verify_locations(cafile=str(ca_bundle))
            except (ssl.SSLError, OSError):
                raise ValueError("the CA bundle holds no certificate in PEM form") from None
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Response:
        """Send one request and return the answer with its body unread; the caller releases it.

        Raises:
            BrokenAnswerError: the address is none of a registry, or it would go without TLS where it may not.
            urllib3.exceptions.HTTPError: there is no connection, or it broke.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise BrokenAnswerError("it names an address that is no plain http or https URL")
        if parts.scheme == "http" and not self._endpoints.may_be_plain(parts.netloc):
            raise BrokenAnswerError("it names an address without TLS")
        sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
        pool = self._pool(parts.scheme, parts.netloc)
        # Not decoded: a registry's content has no encoding, and a compressed answer could be a bomb.
        options: dict[str, Any] = {"redirect": False, "retries": False, "preload_content": False}
        return pool.request(method, url, headers=sent, body=body, decode_content=False, **options)

    def follow(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[Response, str]:
        """Send a GET or HEAD and follow redirects; only the first host ever sees the Authorization header.

        Returns:
            The answer, and the address that gave it.

        Raises:
            BrokenAnswerError: as `send`, or there are too many redirects.
            urllib3.exceptions.HTTPError: there is no connection, or it broke.
        """
        sent = dict(headers)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self.send(method, url, sent)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target:
                return answer, url
            discard(answer)
            following = urljoin(url, target)
            if origin(following) != origin(url):
                sent.pop("Authorization", None)
            url = following
        raise BrokenAnswerError("it redirects without end")

    def _pool(self, scheme: str, authority: str) -> urllib3.PoolManager:
        proxies = getproxies()
        proxy = proxies.get(scheme) or proxies.get("all")
        if proxy and proxy_bypass(authority):
            proxy = None
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str | None) -> urllib3.PoolManager:
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
        if proxy is None:
            return urllib3.PoolManager(maxsize=8, ssl_context=self._context, timeout=timeout)
        address = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        headers = make_headers(proxy_basic_auth=unquote(address.auth)) if address.auth else None
        return urllib3.ProxyManager(
            address._replace(auth=None).url,
            maxsize=8,
            proxy_headers=headers,
            ssl_context=self._context,
            proxy_ssl_context=self._context,
            timeout=timeout,
        )


def origin(url: str) -> tuple[str, str]:
    """Return scheme and authority of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def discard(answer: Response) -> None:
    """Give up an answer: a short rest is read so that the connection can serve again, a long one is cut off."""
    try:
        if answer.read(64 << 10) and answer.read(1):
            answer.close()
    except urllib3.exceptions.HTTPError:
        answer.close()
    answer.release_conn()


def read_bounded(answer: Response, limit: int) -> bytes:
    """Return the body of an answer.

    Raises:
        BrokenAnswerError: it is longer than `limit` bytes.
        urllib3.exceptions.HTTPError: the connection broke.
    """
    pieces, size = [], 0
    while data := answer.read(min(1 << 16, limit + 1 - size)):
        pieces.append(data)
        size += len(data)
        if size > limit:
            answer.close()
            raise BrokenAnswerError(f"it is longer than {limit} bytes")
    answer.release_conn()
    return b"".join(pieces)
