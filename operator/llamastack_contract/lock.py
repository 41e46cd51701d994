"""The lock of a layer: exactly the files that were installed, and that are installed again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llamastack_contract.shape import Members, ShapeError

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""A distribution's name."""
VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")
NAME_LIMIT = 128
URL_LIMIT = 2048
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://[^\s'\"#\x00-\x20\x7f]+")
_MEMBERS = frozenset(("name", "version", "file", "sha256", "index", "url"))


@dataclass(frozen=True)
class Locked:
    """One file of a lock.

    Attributes:
        name: the distribution's name.
        version: its version.
        file: the file's name, such as `x-1-py3-none-any.whl`.
        sha256: the file's digest, in hexadecimal.
        index: position in the build's indexes, or the name of a named one; None for a file with an address.
        url: the file's own address, for direct references and indexes that only a package names.
    """

    name: str
    version: str
    file: str
    sha256: str
    index: int | str | None = 0
    url: str | None = None

    @classmethod
    def from_dict(cls, data: object, place: str = "") -> Locked:
        """Read the JSON shape.

        Args:
            data: an entry of a lock.
            place: where it stands, for errors.

        Raises:
            ShapeError: a value is missing or could not be one; nothing of a lock can become an option of pip.
        """
        members = Members.of(data, place, _MEMBERS)
        index = members.data.get("index")
        return cls(
            name=members.text("name", NAME, NAME_LIMIT),
            version=members.text("version", VERSION, NAME_LIMIT),
            file=members.text("file", _FILE),
            sha256=members.text("sha256", _SHA256),
            index=members.text("index") if isinstance(index, str) else members.count("index"),
            url=members.optional_text("url", _URL, URL_LIMIT),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "name": self.name,
            "version": self.version,
            "file": self.file,
            "sha256": self.sha256,
            "index": self.index,
            "url": self.url,
        }

    def to_text(self) -> str:
        """Return the entry as a LlamaStackBuild holds it."""
        return json.dumps(self.to_dict(), sort_keys=True)


def read_lock(entries: object, place: str = "lock") -> tuple[Locked, ...]:
    """Read a whole lock.

    Raises:
        ShapeError: it is no list, or an entry is none.
    """
    if not isinstance(entries, (list, tuple)):
        raise ShapeError(f"{place} is no list")
    return tuple(Locked.from_dict(entry, f"{place}.{number}") for number, entry in enumerate(entries))


def lock_to_dicts(lock: tuple[Locked, ...] | None) -> list[Mapping[str, Any]] | None:
    """Return the JSON shape of a lock, or None where there is none."""
    return None if lock is None else [entry.to_dict() for entry in lock]


def stored_lock(texts: Sequence[str]) -> tuple[Locked, ...]:
    """Read a lock as a LlamaStackBuild holds it, be it larger than a new one may be.

    Raises:
        ShapeError: an entry is none.
    """
    try:
        return read_lock([json.loads(text) for text in texts])
    except ShapeError:
        raise
    except (ValueError, RecursionError) as error:
        raise ShapeError("an entry of the lock is no JSON") from error
