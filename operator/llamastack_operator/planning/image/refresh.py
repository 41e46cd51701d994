"""The token of a fresh look at tags and versions: a new one makes a new build. Pure.

Stacks of one interval look at different times, told apart by their UIDs, so that a thousand do not build at once.
A token never goes back: neither a clock that is set back nor the offset, which there was not always, asks for a build.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from llamastack_operator.objects.fields import digits

_UNITS = {"h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Token:
    """What asks for a fresh look.

    Attributes:
        rebuild: the user's request, empty for none.
        interval: how often the stack looks for itself, such as 24h; empty for never.
        count: which of these intervals it is, from 1970 on.
    """

    rebuild: str
    interval: str
    count: int

    @staticmethod
    def parse(text: str) -> Token:
        """Return the token of a text that `str` made."""
        rebuild, _, rest = text.rpartition("@")
        interval, slash, count = rest.partition("/")
        number = digits(count)
        if not slash or interval[-1:] not in _UNITS or number is None:
            return Token(text, "", 0)
        return Token(rebuild, interval, number)

    def __str__(self) -> str:
        if not self.interval:
            return self.rebuild
        return f"{self.rebuild}@{self.interval}/{self.count}".removeprefix("@")

    def follows(self, other: Token) -> bool:
        """Tell whether nothing but time passed since another."""
        return (self.rebuild, self.interval) == (other.rebuild, other.interval) and bool(self.interval)


def refresh_token(rebuild: str, interval: str | None, uid: str, held: str, now: float) -> tuple[Token, float | None]:
    """Return the token of a stack, and the seconds until its next one; None where there is none to come.

    Args:
        rebuild: the user's request for a fresh look, empty for none.
        interval: how often it looks for itself, or None.
        uid: the stack's UID.
        held: the token of the build that it runs or waits for; empty for none.
        now: the time, in seconds since 1970.
    """
    if interval is None:
        return Token(rebuild, "", 0), None
    seconds = int(interval[:-1]) * _UNITS[interval[-1]]
    late = now - _offset(uid, seconds)
    token, last = Token(rebuild, interval, int(late // seconds)), Token.parse(held)
    if token.follows(last) and last.count > token.count:
        token = last
    return token, (token.count + 1) * seconds - late


def _offset(uid: str, seconds: int) -> int:
    """Return after how many seconds of its intervals a stack looks."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8]) % seconds if uid else 0
