"""Reads and writes the manifests and small blobs of one repository (OCI distribution specification 1.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from llamastack_operator.images.registry.auth import Authenticator
from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.endpoints import Repository
from llamastack_operator.images.registry.errors import BODY_LIMIT, Action, BrokenAnswerError, StatusError, codes_of
from llamastack_operator.images.registry.media import MANIFESTS
from llamastack_operator.images.registry.retry import Backoff, is_transient
from llamastack_operator.images.registry.transport import (
    Body,
    Response,
    Transport,
    discard,
    origin,
    read_bounded,
)

MANIFEST_LIMIT = 4 << 20
"""Most bytes of a manifest, as the specification has registries take at least."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as a registry holds it.

    Attributes:
        media_type: what it says it is.
        digest: of its bytes, checked.
        content: its bytes.
        document: its JSON.
    """

    media_type: str
    digest: str
    content: bytes
    document: dict[str, Any]


class Client:
    """One repository, with the right to pull from it or to push to it; safe to share between threads.

    Attributes:
        repository: where it is.
        action: what the client may do.
        credential: what it proves itself with, or None.
        backoff: how failed requests are tried again.
    """

    def __init__(
        self,
        transport: Transport,
        repository: Repository,
        action: Action,
        credential: Credential | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.repository = repository
        self.action = action
        self.credential = credential
        self.backoff = backoff or Backoff()
        self._transport = transport
        self._auth = Authenticator(transport, credential)
        self.scopes = (f"repository:{repository.path}:{'pull,push' if action == 'push' else 'pull'}",)

    def url(self, path: str, **query: str) -> str:
        """Return an address below the repository."""
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.repository.base}/v2/{self.repository.path}/{path}{asked}"

    def location(self, answer: Response, asked: str) -> str:
        """Return the address that a registry gave for what comes next; a lost `https` behind a proxy is put back.

        Raises:
            BrokenAnswerError: it gave none.
        """
        given = answer.headers.get("Location")
        if not given:
            raise BrokenAnswerError("it does not say where the upload goes on")
        url = urljoin(asked, given)
        if (
            asked.startswith("https:")
            and url.startswith("http:")
            and urlsplit(url).hostname == urlsplit(asked).hostname
        ):
            return "https:" + url.removeprefix("http:")
        return url

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] = lambda: None,
        scopes: tuple[str, ...] = (),
    ) -> Response:
        """Send one request, with another try only after an answered challenge; a success is returned unread.

        Args:
            method: HTTP method.
            url: whole address; credentials go to the registry's own host only.
            headers: besides Authorization.
            body: makes the body, anew for each try.
            scopes: what to ask a token server for, instead of the client's own.

        Raises:
            StatusError: the status is 400 or more.
            BrokenAnswerError: the answer is not that of a registry.
            urllib3.exceptions.HTTPError: there is no connection, or it broke.
        """
        scopes = scopes or self.scopes
        ours = origin(url) == origin(self.repository.base)
        authorization = self._auth.authorization(scopes) if ours else None
        for challenged in (False, True):
            sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
            if method in ("GET", "HEAD"):
                answer, answering = self._transport.follow(method, url, sent)
            else:
                answer, answering = self._transport.send(method, url, sent, body()), url
            if answer.status < 300:
                return answer
            error = _status_error(answer, method, granted=bool(authorization and authorization.startswith("Bearer ")))
            # Only the registry itself may ask for credentials, not where it redirects to.
            if answer.status != 401 or challenged or origin(answering) != origin(self.repository.base):
                raise error
            authorization = self._auth.answer(answer.headers.get("WWW-Authenticate", ""), scopes, authorization)
            if authorization is None:
                raise error
        raise AssertionError("unreachable")

    def persistently(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """Send a request that may be repeated, again and again while that can help; arguments and errors as `send`."""
        failures = 0
        while True:
            try:
                return self.send(method, url, headers, lambda: body)
            except (StatusError, urllib3.exceptions.HTTPError) as error:
                failures += 1
                if not is_transient(error) or failures >= self.backoff.attempts:
                    raise
                self.backoff.wait(failures, error)

    def manifest(self, version: str) -> Manifest:
        """Read a manifest or an index.

        Args:
            version: a tag or a digest.

        Raises:
            StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError: as `send`; also where the content is not that
                of the digest.
        """
        content, media_type = self._whole(f"manifests/{version}", MANIFEST_LIMIT, {"Accept": ", ".join(MANIFESTS)})
        digest = _checked(content, version if ":" in version else None)
        document = parse_json(content)
        return Manifest(str(document.get("mediaType") or media_type), digest, content, document)

    def small_blob(self, digest: str, limit: int) -> bytes:
        """Read a blob into memory; arguments and errors as `manifest`."""
        content, _ = self._whole(f"blobs/{digest}", limit, {})
        _checked(content, digest)
        return content

    def _whole(self, path: str, limit: int, headers: Mapping[str, str]) -> tuple[bytes, str]:
        failures = 0
        while True:
            try:
                answer = self.send("GET", self.url(path), headers)
                return read_bounded(answer, limit), answer.headers.get("Content-Type", "").partition(";")[0].strip()
            except (StatusError, urllib3.exceptions.HTTPError) as error:
                failures += 1
                if not is_transient(error) or failures >= self.backoff.attempts:
                    raise
                self.backoff.wait(failures, error)

    def blob_from(self, digest: str, offset: int) -> Iterator[bytes]:
        """Stream a blob from a byte on; errors as `send`, before or between the pieces."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        answer = self.send("GET", self.url(f"blobs/{digest}"), headers)
        # A server without ranges sends all of it: what is known already is thrown away.
        skip = offset if offset and answer.status != 206 else 0
        try:
            while data := answer.read(_PIECE):
                kept = data[skip:]
                skip -= len(data) - len(kept)
                if kept:
                    yield kept
        finally:
            answer.close()
            answer.release_conn()

    def has_blob(self, digest: str) -> bool:
        """Say whether the repository holds a blob; errors as `send`."""
        try:
            discard(self.persistently("HEAD", self.url(f"blobs/{digest}")))
        except StatusError as error:
            if error.status == 404:
                return False
            raise
        return True

    def put_manifest(self, version: str, media_type: str, content: bytes) -> str | None:
        """Write a manifest or an index; errors as `send`.

        Returns:
            The registry's OCI-Subject header: the digest of the subject, if it keeps a list of referrers.
        """
        headers = {"Content-Type": media_type, "Content-Length": str(len(content))}
        answer = self.persistently("PUT", self.url(f"manifests/{version}"), headers, content)
        discard(answer)
        return answer.headers.get("OCI-Subject")


def digest_of(content: bytes) -> str:
    """Return the digest of bytes, as `sha256:...`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parse_json(content: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BrokenAnswerError: it is none.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BrokenAnswerError("it is no JSON object")
    return document


def _checked(content: bytes, wanted: str | None) -> str:
    algorithm = wanted.partition(":")[0] if wanted else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    if wanted not in (None, digest):
        raise BrokenAnswerError("its content is not that of the digest")
    return digest


def _status_error(answer: Response, method: str, granted: bool) -> StatusError:
    body = b""
    if method != "HEAD":
        try:
            body = answer.read(BODY_LIMIT)
        except urllib3.exceptions.HTTPError:
            body = b""
    discard(answer)
    after = answer.headers.get("Retry-After", "")
    seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None
    return StatusError(answer.status, codes_of(body), granted=granted, retry_after=seconds)
