"""Reads members of JSON objects strictly, and says where one is of another shape.

The parties run code of strangers beside what they write, so nothing is converted, nothing is left over, and every text
and list is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LINE = re.compile(r"[^\x00-\x1f\x7f]*")
LINE_LIMIT = 512
"""Most characters of a text that has no narrower limit."""


class ShapeError(ValueError):
    """A document is not of the agreed shape; the text names the place, not the value."""


class LimitError(ShapeError):
    """A document is larger than the parties can hand on.

    Attributes:
        hint: what to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Members:
    """The members of one JSON object.

    Attributes:
        data: the object.
        place: where it stands, such as `lock.3`; empty for the whole document.
    """

    data: Mapping[str, Any]
    place: str = ""

    @classmethod
    def of(cls, value: object, place: str = "", known: Collection[str] | None = None) -> Members:
        """Take a value for an object.

        Args:
            value: of any type.
            place: where it stands.
            known: the names that it may have; None for any.

        Raises:
            ShapeError: it is no object, or has a member of another name.
        """
        if not isinstance(value, Mapping):
            raise ShapeError(f"{place or 'the document'} is no object")
        if known is not None and (surplus := sorted(str(name) for name in value.keys() - set(known))):
            raise ShapeError(f"{place or 'the document'} has the unknown member {surplus[0][:80]!r}")
        return cls(value, place)

    def text(self, name: str, pattern: re.Pattern[str] = LINE, limit: int = LINE_LIMIT) -> str:
        """Return a text that matches a pattern as a whole.

        Raises:
            LimitError: it is longer than the limit.
            ShapeError: it is none.
        """
        value = self.data.get(name)
        if isinstance(value, str) and len(value) > limit:
            hint = "use a shorter name or address"
            raise LimitError(f"{self.at(name)} has {len(value)} characters, and {limit} are possible", hint)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ShapeError(f"{self.at(name)} is not what it has to be")
        return value

    def optional_text(self, name: str, pattern: re.Pattern[str] = LINE, limit: int = LINE_LIMIT) -> str | None:
        """Return a text, or None where there is none.

        Raises:
            ShapeError: as `text`.
        """
        return None if self.data.get(name) is None else self.text(name, pattern, limit)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts of any length; a missing one is empty.

        Raises:
            ShapeError: it is none.
        """
        return _texts(self.data.get(name), self.at(name))

    def lists_of_texts(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of texts; a missing one is empty.

        Raises:
            ShapeError: it is none.
        """
        return tuple(_texts(value, f"{self.at(name)}.{number}") for number, value in enumerate(self.items(name)))

    def mapping(self, name: str) -> dict[str, str]:
        """Return texts by name; a missing mapping is empty.

        Raises:
            ShapeError: it is none.
        """
        value = self.data.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
            raise ShapeError(f"{self.at(name)} is no mapping of texts")
        return dict(value)

    def items(self, name: str) -> tuple[Any, ...]:
        """Return a list of anything; a missing one is empty.

        Raises:
            ShapeError: it is none.
        """
        value = self.data.get(name)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            raise ShapeError(f"{self.at(name)} is no list")
        return tuple(value)

    def count(self, name: str) -> int | None:
        """Return a number from 0 on, or None where there is none.

        Raises:
            ShapeError: it is none.
        """
        value = self.data.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ShapeError(f"{self.at(name)} is no number")
        return value

    def at(self, name: str) -> str:
        """Return where a member stands."""
        return _joined(self.place, name)


def _texts(value: object, place: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise ShapeError(f"{place} is no list of texts")
    return tuple(value)


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
