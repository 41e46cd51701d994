"""What a step of a build says when it fails: one JSON object in the termination message.

The operator shows it in a condition, so it is bounded, of one line each, and carries no credential. What
tenants' code printed may be in it: it is text to be shown, nothing more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The kubelet keeps 4096 bytes of all containers of a pod together by 12 KiB; the contract is 2048 each.
LIMIT = 2048
MESSAGE_LIMIT = 700
HINT_LIMIT = 300
TAIL_LINES = 12
TAIL_LINE_LIMIT = 240
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]*@")


class FailureError(Exception):
    """A step cannot go on.

    Attributes:
        reason: a word of the vocabulary in `docs/images.md`, such as `RequirementConflict`.
        message: what is wrong, naming packages, versions and addresses.
        hint: what to do about it.
        retry: whether another try can help though nothing is changed.
        tail: the last lines of what failed.
    """

    def __init__(
        self, reason: str, message: str, hint: str = "", *, retry: bool = False, tail: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.retry = retry
        self.tail = tuple(tail)


@dataclass(frozen=True)
class Failure:
    """A failure as it is written."""

    error: FailureError
    step: str

    def to_json(self) -> str:
        """Return the object, at most `LIMIT` bytes; the tail gives way first."""
        error = self.error
        data: dict[str, Any] = {
            "reason": error.reason,
            "message": one_line(error.message, MESSAGE_LIMIT),
            "hint": one_line(error.hint, HINT_LIMIT),
            "step": self.step,
            "retry": error.retry,
            "tail": [one_line(line, TAIL_LINE_LIMIT) for line in error.tail[-TAIL_LINES:]],
        }
        while len(text := json.dumps(data, ensure_ascii=False)) and len(text.encode()) > LIMIT:
            if data["tail"]:
                data["tail"] = data["tail"][1:]
            else:
                data["message"] = data["message"][: len(data["message"]) // 2]
                data["hint"] = data["hint"][: len(data["hint"]) // 2]
        return text

    def write(self, path: Path) -> None:
        """Write it to the termination log; a place that cannot be written to is no second failure."""
        try:
            path.write_text(self.to_json(), "utf-8")
        except OSError:
            return


def one_line(text: str, limit: int) -> str:
    """Return a text as one printable line of at most `limit` characters, without the user part of addresses."""
    plain = _CONTROL.sub(" ", _ESCAPES.sub("", text).encode("utf-8", "replace").decode())
    plain = " ".join(_USERINFO.sub("", plain).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
