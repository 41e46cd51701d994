"""Talks to package indexes: credentials for the right origins only, redirects, proxies, authorities, retries."""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Literal

import aiohttp
from yarl import URL

from llamastack_operator.images.index.credentials import Credentials
from llamastack_operator.images.index.pages import ACCEPT, IndexFile, PageError, every_file, parse_page

Kind = Literal["unauthorized", "certificate", "unreachable", "absent"]
USER_AGENT = "llamastack-operator"
PAGE_LIMIT = 100 * 2**20
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60)


class IndexProblem(Exception):  # noqa: N818 (it is raised and also kept and shown)
    """An index did not give what was asked for.

    Attributes:
        kind: what that means.
        message: one line, with the address but for its query, and no credential.
        status: the HTTP status, where there was one.
    """

    def __init__(self, kind: Kind, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


class IndexClient:
    """Gets pages and files; use it as an asynchronous context manager.

    Args:
        indexes: address of each index by its key, such as `index/0` or `named/pytorch-cpu`.
        credentials: what to send to them.
        authorities: file with certificates of authorities to trust too; it may be absent.
        attempts: how often to try what may go away by itself.
        pause: seconds before the second try; each later one waits twice as long.
    """

    def __init__(
        self,
        indexes: Mapping[str, str],
        credentials: Credentials | None = None,
        authorities: Path | None = None,
        attempts: int = 4,
        pause: float = 0.5,
    ) -> None:
        self.indexes = {key: url.rstrip("/") for key, url in indexes.items()}
        self._credentials = credentials or Credentials()
        self._context = trust(authorities)
        self._attempts = attempts
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> IndexClient:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=16)
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, cookie_jar=jar)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def page(self, key: str, project: str, wanted: Callable[[str], bool] = every_file) -> list[IndexFile]:
        """Return the files that an index has of a project.

        Args:
            key: of the index.
            project: the project's normalized name.
            wanted: tells by its name whether a file is of use.

        Raises:
            IndexProblem: it has no such project (`absent`), or did not answer as it should.
        """
        url = f"{self.indexes[key]}/{project}/"
        async with self.get(url, {"Accept": ACCEPT}) as answer:
            try:
                body = await _bounded(answer)
                charset = answer.charset or "utf-8"
                return parse_page(body.decode(charset, "replace"), answer.content_type, str(answer.url), wanted)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise IndexProblem("unreachable", f"{shown(url)}: the answer broke off") from error
            except (PageError, LookupError) as error:
                raise IndexProblem("unreachable", f"{shown(url)}: {error}", answer.status) from error

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a GET request, again where that can help, and follow redirects.

        Raises:
            IndexProblem: the last answer was no success.
        """
        answer = await self._tried(url, headers)
        try:
            yield answer
        finally:
            answer.close()

    async def _tried(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._followed(URL(url), headers)
            except IndexProblem as problem:
                passing = problem.kind == "unreachable" and (problem.status is None or problem.status >= 429)
                if not passing or attempt == self._attempts:
                    raise
            await asyncio.sleep(self._pause * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    async def _followed(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        start = url
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._once(url, headers)
            if answer.status not in _REDIRECTS:
                if problem := _problem(answer.status, url):
                    answer.close()
                    raise problem
                return answer
            location = answer.headers.get("Location", "")
            answer.close()
            url = _next(url, location)
        raise IndexProblem("unreachable", f"{shown(start)}: more than {_MOST_REDIRECTS} redirects", 310)

    async def _once(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        assert self._session is not None, "the client is used as a context manager"  # noqa: S101
        sent = {"User-Agent": USER_AGENT, **headers}
        if authorization := self._credentials.header_for(url):
            sent["Authorization"] = authorization
        proxy, proxy_auth = proxy_for(url)
        # Credentials in an address would be in a ConfigMap, and so are no secret; they are not used.
        clean = url.with_user(None)
        try:
            return await self._session.get(
                clean, headers=sent, allow_redirects=False, proxy=proxy, proxy_auth=proxy_auth
            )
        except aiohttp.ClientHttpProxyError as error:
            kind: Kind = "unauthorized" if error.status == 407 else "unreachable"
            raise IndexProblem(kind, f"{shown(url)}: the proxy answers {error.status}", error.status) from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            detail = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            reason = getattr(detail, "verify_message", None) or getattr(detail, "reason", None) or "TLS failed"
            raise IndexProblem("certificate", f"{shown(url)}: the certificate is not trusted: {reason}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            cause = getattr(error, "os_error", None) or error
            text = getattr(cause, "strerror", None) or type(cause).__name__
            raise IndexProblem("unreachable", f"{shown(url)} cannot be reached: {text}") from error


def shown(url: str | URL) -> str:
    """Return an address as it may be shown: without user, password, query (which may be a signature), fragment."""
    parsed = URL(url) if isinstance(url, str) else url
    return str(parsed.with_user(None).with_query(None).with_fragment(None))


def trust(authorities: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, pip's, and the given ones."""
    context = ssl.create_default_context()
    with suppress(OSError, ModuleNotFoundError):
        context.load_verify_locations(cadata=(files("pip") / "_vendor/certifi/cacert.pem").read_text("ascii"))
    if authorities is not None and authorities.is_file():
        context.load_verify_locations(cafile=str(authorities))
    return context


def proxy_for(url: URL) -> tuple[URL | None, aiohttp.BasicAuth | None]:
    """Return the proxy that the environment (HTTPS_PROXY, NO_PROXY, ...) names for an address."""
    if not url.host or urllib.request.proxy_bypass(f"{url.host}:{url.port}"):
        return None, None
    proxies = urllib.request.getproxies()
    text = proxies.get(url.scheme) or proxies.get("all")
    if not text:
        return None, None
    proxy = URL(text if "://" in text else f"http://{text}")
    auth = aiohttp.BasicAuth(proxy.user, proxy.password or "") if proxy.user else None
    return proxy.with_user(None), auth


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        body += chunk
        if len(body) > PAGE_LIMIT:
            raise PageError(f"the page has more than {PAGE_LIMIT >> 20} MiB")
    return bytes(body)


def _next(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
    except ValueError:
        target = URL()
    if target.scheme not in ("http", "https") or not target.host:
        raise IndexProblem("unreachable", f"{shown(url)} redirects to no address", 310)
    return target


def _problem(status: int, url: URL) -> IndexProblem | None:
    if 200 <= status < 300:
        return None
    if status in (401, 403, 407):
        return IndexProblem("unauthorized", f"{shown(url)} refuses access ({status})", status)
    if status in (404, 410, 451):
        return IndexProblem("absent", f"{shown(url)} does not exist ({status})", status)
    return IndexProblem("unreachable", f"{shown(url)} answers {status}", status)
