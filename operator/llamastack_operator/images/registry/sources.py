"""Where the bytes of an upload come from: memory, a file, or another registry; never more than a piece in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import urllib3

from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError

_PIECE = 1 << 20


class Source(Protocol):
    """Content of a known size and digest that can be read from any byte on."""

    @property
    def digest(self) -> str:
        """Digest of the content."""

    @property
    def size(self) -> int:
        """Bytes of the content."""

    def open(self, offset: int) -> Iterator[bytes]:
        """Stream the content from a byte on."""


class SourceError(Exception):
    """Reading failed, not writing; the cause says how."""


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Content in memory."""

    digest: str
    content: bytes

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)

    def open(self, offset: int) -> Iterator[bytes]:
        """Give the content from a byte on."""
        yield self.content[offset:]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Content of a file of ours."""

    digest: str
    size: int
    path: Path

    def open(self, offset: int) -> Iterator[bytes]:
        """Read the file from a byte on."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                while data := file.read(_PIECE):
                    yield data
        except OSError as error:
            raise SourceError from error


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A blob of another registry."""

    digest: str
    size: int
    client: Client

    def open(self, offset: int) -> Iterator[bytes]:
        """Read the blob from a byte on."""
        try:
            yield from self.client.blob_from(self.digest, offset)
        except (StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError) as error:
            raise SourceError from error


class Cursor:
    """Reads a source piece by piece and opens it again only where the next byte wanted is not the next one there."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stream: Iterator[bytes] | None = None
        self._rest = b""
        self._position = 0

    def read(self, offset: int, size: int) -> Iterator[bytes]:
        """Stream `size` bytes from `offset` on.

        Raises:
            SourceError: the source broke, or ended early.
        """
        if self._stream is None or offset != self._position:
            self._stream, self._rest, self._position = self._source.open(offset), b"", offset
        left = size
        while left:
            data = self._rest or next(self._stream, b"")
            if not data:
                self._stream = None
                raise SourceError("the source ended early") from BrokenAnswerError(
                    "a blob is shorter than its manifest says"
                )
            piece, self._rest = data[:left], data[left:]
            left -= len(piece)
            self._position += len(piece)
            yield piece

    def close(self) -> None:
        """Let go of the source; it is opened again when more is read."""
        stream, self._stream = self._stream, None
        if isinstance(stream, Iterator) and hasattr(stream, "close"):
            stream.close()
