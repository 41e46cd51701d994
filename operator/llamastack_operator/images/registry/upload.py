"""Puts one blob into a repository: mounted from a neighbour, or uploaded in chunks that survive a broken connection.

OCI distribution specification 1.1, "Pushing blobs". After a failure the registry is asked how far it got, and the
upload goes on from there; where it does not know any more, it starts anew. Registries that take no chunks (Google's
Artifact Registry is one) get the rest as one stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import urllib3

from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.endpoints import Repository
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError
from llamastack_operator.images.registry.retry import is_transient
from llamastack_operator.images.registry.sources import Cursor, Source, SourceError
from llamastack_operator.images.registry.transport import discard

CHUNK = 32 << 20
"""Bytes per chunk: what is sent again at most, where a registry keeps only whole chunks."""
WHOLE = 4 << 20
"""Up to this size a blob goes in a single request."""
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")
_LOST = frozenset({"BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "RANGE_INVALID", "SIZE_INVALID"})
_BINARY = "application/octet-stream"


def put_blob(
    client: Client,
    source: Source,
    mount_from: Repository | None = None,
    chunk: int = CHUNK,
    sent: Callable[[int], None] = lambda count: None,
) -> None:
    """See to it that a repository holds a blob.

    Args:
        client: of the repository, with the right to push.
        source: the blob's content.
        mount_from: a repository that holds it; one of the same registry saves the upload.
        chunk: most bytes of one request, once a blob is larger than 4 MiB.
        sent: called with the number of bytes, each time that the registry has acknowledged some.

    Raises:
        SourceError: the source broke, again and again.
        StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError: as `Client.send`, when trying again did not help.
    """
    if client.has_blob(source.digest):
        return
    location = None
    if mount_from is not None and mount_from.base == client.repository.base:
        location = _mount(client, source.digest, mount_from)
        if location == "":
            return
    _Upload(client, source, chunk, sent, location).run()


def _mount(client: Client, digest: str, origin: Repository) -> str | None:
    """Return "" when the blob is mounted, the address of an upload where the registry offers one, else None."""
    url = client.url("blobs/uploads/", mount=digest, **{"from": origin.path})
    scopes = (*client.scopes, f"repository:{origin.path}:pull")
    try:
        answer = client.send("POST", url, {"Content-Length": "0"}, scopes=scopes)
    except (StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError):
        return None  # it is only a short cut; the upload tells what is really wrong
    discard(answer)
    if answer.status == 201:
        return ""
    return client.location(answer, url) if answer.headers.get("Location") else None


@dataclass
class _Upload:
    client: Client
    source: Source
    chunk: int
    sent: Callable[[int], None]
    location: str | None = None
    offset: int = 0
    single: bool = False
    counted: int = 0
    cursor: Cursor = field(init=False)

    def __post_init__(self) -> None:
        self.cursor = Cursor(self.source)

    def run(self) -> None:
        """Upload until the registry holds the blob."""
        failures = 0
        try:
            while True:
                before = self.offset
                try:
                    if self._step():
                        return
                    failures = 0
                except (StatusError, BrokenAnswerError, SourceError, urllib3.exceptions.HTTPError) as error:
                    failures = 1 if self.offset > before else failures + 1
                    self._recover(error, failures)
        finally:
            self.cursor.close()

    def _step(self) -> bool:
        """Take the next step of the protocol; True when it was the last one."""
        if self.location is None:
            # The answer to the last request may have been lost, not the request.
            if self.counted == self.source.size and self.client.has_blob(self.source.digest):
                return True
            self._begin()
        if self.source.size <= WHOLE and not self.offset:
            self._finish(self.source.size)
            return True
        if self.offset < self.source.size:
            self._append()
            return False
        self._finish(0)
        return True

    def _begin(self) -> None:
        url = self.client.url("blobs/uploads/")
        answer = self.client.send("POST", url, {"Content-Length": "0"})
        discard(answer)
        self.location, self.offset = self.client.location(answer, url), 0
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        if least.isascii() and least.isdigit() and len(least) < 12:
            self.chunk = max(self.chunk, int(least))

    def _append(self) -> None:
        assert self.location is not None  # noqa: S101 - the caller made sure
        left = self.source.size - self.offset
        size = left if self.single else min(self.chunk, left)
        headers = {"Content-Type": _BINARY, "Content-Length": str(size)}
        if not self.single:
            headers["Content-Range"] = f"{self.offset}-{self.offset + size - 1}"
        answer = self.client.send("PATCH", self.location, headers, lambda: self.cursor.read(self.offset, size))
        discard(answer)
        self.location = self.client.location(answer, self.location)
        self._reached(self.offset + size)

    def _finish(self, size: int) -> None:
        assert self.location is not None  # noqa: S101 - the caller made sure
        url = f"{self.location}{'&' if '?' in self.location else '?'}digest={self.source.digest}"
        headers = {"Content-Type": _BINARY, "Content-Length": str(size)}
        body = (lambda: self.cursor.read(0, size)) if size else (lambda: None)
        discard(self.client.send("PUT", url, headers, body))
        if size:
            self._reached(size)

    def _reached(self, offset: int) -> None:
        self.offset = offset
        if offset > self.counted:
            self.sent(offset - self.counted)
            self.counted = offset

    def _recover(self, error: Exception, failures: int) -> None:
        """Prepare another try, or raise the error where there is no hope."""
        refused = isinstance(error, StatusError) and 400 <= error.status < 500 and not is_transient(error)
        cause = error.__cause__ if isinstance(error, SourceError) else error
        self.cursor.close()
        if refused and not _upload_is_lost(error):
            if self.single or error.status in (401, 403, 413) or self.source.size <= self.chunk:  # type: ignore[attr-defined]
                raise error
            self.single, self.location = True, None
        elif failures >= self.client.backoff.attempts or not (refused or _may_pass(cause)):
            raise error
        else:
            self.client.backoff.wait(failures, error)
            self._ask_how_far()

    def _ask_how_far(self) -> None:
        """Go on where the registry got to; start anew where it does not know the upload any more."""
        if self.location is None:
            return
        location, self.location = self.location, None
        try:
            answer = self.client.send("GET", location)
            discard(answer)
            reached = _RANGE.fullmatch(answer.headers.get("Range", ""))
            if answer.status == 204 and reached:
                # Registries say 0-0 where there is nothing yet.
                count = int(reached[1]) + 1 if reached[1] != "0" else 0
                if count <= self.source.size:
                    self.location, self.offset = self.client.location(answer, location), count
        except BrokenAnswerError:
            return
        except StatusError as error:
            if is_transient(error):
                self.location = location
        except urllib3.exceptions.HTTPError:
            self.location = location


def _upload_is_lost(error: Exception) -> bool:
    return isinstance(error, StatusError) and (error.status in (404, 416) or bool(_LOST & set(error.codes)))


def _may_pass(error: BaseException | None) -> bool:
    return isinstance(error, Exception) and is_transient(error)
