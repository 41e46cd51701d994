"""Termination messages: the last words of a build's containers, which the operator reads from the pod's status.

They are cut here and nowhere else, and end with `…` where they were. What tenants' code printed may be in them: it is
text to be shown, nothing more.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_contract.limits import (
    CONCERNED,
    HINT_CHARACTERS,
    MESSAGE_BYTES,
    MESSAGE_CHARACTERS,
    TAIL_CHARACTERS,
    TAIL_LINES,
)
from llamastack_contract.lock import NAME, NAME_LIMIT
from llamastack_contract.reasons import FailureReason, is_build_reason
from llamastack_contract.shape import Members, ShapeError

_STEP_CHARACTERS = 40
_IMAGE_CHARACTERS = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]*@")


@dataclass(frozen=True)
class FailureMessage:
    """What a step says when it fails.

    Attributes:
        reason: why, in one word.
        message: what is wrong, naming packages, versions and addresses; never a credential.
        hint: what to do about it.
        step: the program that failed.
        retry: whether another try can help though nothing is changed.
        tail: the last lines of what failed.
        concerns: names of the modules and requirements of the layer that it is about, at most `CONCERNED`; none where
            it is about the build as a whole, or was told by a program that did not say.
    """

    reason: FailureReason
    message: str
    hint: str = ""
    step: str = ""
    retry: bool = False
    tail: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> FailureMessage | None:
        """Read a message that a stranger may have written; None for what is none, or names another reason."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return None
        reason = data.get("reason") if isinstance(data, dict) else None
        if not is_build_reason(reason):
            return None
        tail = data.get("tail")
        return cls(
            reason,
            _text(data.get("message")),
            _text(data.get("hint")),
            _text(data.get("step")),
            data.get("retry") is True,
            tuple(_text(line) for line in tail) if isinstance(tail, list) else (),
            _names(data.get("concerns")),
        )

    def to_text(self) -> str:
        """Return one JSON object of lines, at most `MESSAGE_BYTES` bytes; the tail gives way first."""
        data: dict[str, Any] = {
            "reason": self.reason,
            "message": one_line(self.message, MESSAGE_CHARACTERS),
            "hint": one_line(self.hint, HINT_CHARACTERS),
            "step": one_line(self.step, _STEP_CHARACTERS),
            "retry": self.retry,
            "tail": [one_line(line, TAIL_CHARACTERS) for line in self.tail[-TAIL_LINES:]],
        }
        if names := _names(list(self.concerns)):
            data["concerns"] = list(names)
        while len(text := json.dumps(data, ensure_ascii=False)) and len(text.encode()) > MESSAGE_BYTES:
            if data["tail"]:
                data["tail"] = data["tail"][1:]
            else:
                data["message"] = one_line(data["message"], max(1, len(data["message"]) // 2))
                data["hint"] = one_line(data["hint"], max(1, len(data["hint"]) // 2))
        return text

    def leave(self, log: Path) -> None:
        """Write it to the termination log; a place that cannot be written to is no second failure."""
        with suppress(OSError):
            log.write_text(self.to_text(), "utf-8")


@dataclass(frozen=True)
class PushedLayer:
    """A layer that was added: the digest of its blob, and its bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class PushMessage:
    """What `push` says when it is done.

    Attributes:
        base: digest of what the base's reference led to.
        platform: such as `linux/amd64`.
        record: digest of the record that it printed.
        digest: of the image; None where none was pushed, as what follows.
        image: the image as repository@digest.
        layers: the layers that were added.
        pushed: bytes that had to be sent.
        total: bytes of all blobs of the image.
    """

    base: str
    platform: str
    record: str
    digest: str | None = None
    image: str | None = None
    layers: tuple[PushedLayer, ...] = ()
    pushed: int | None = None
    total: int | None = None

    @classmethod
    def parse(cls, text: str | bytes) -> PushMessage:
        """Read the message.

        Raises:
            ValueError: it is none.
        """
        try:
            members = Members.of(json.loads(text))
        except RecursionError as error:
            raise ShapeError("the message is nested without end") from error
        layers = [Members.of(layer, f"layers.{n}") for n, layer in enumerate(members.items("layers"))]
        return cls(
            base=members.text("base"),
            platform=members.text("platform"),
            record=members.text("record"),
            digest=members.optional_text("digest"),
            image=members.optional_text("image", limit=_IMAGE_CHARACTERS),
            layers=tuple(PushedLayer(layer.text("digest"), layer.count("size") or 0) for layer in layers),
            pushed=members.count("pushed"),
            total=members.count("total"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        image: dict[str, Any] = {}
        if self.image is not None:
            image = {
                "digest": self.digest,
                "image": self.image,
                "layers": [{"digest": layer.digest, "size": layer.size} for layer in self.layers],
                "pushed": self.pushed,
                "total": self.total,
            }
        return {"base": self.base, "platform": self.platform, **image, "record": self.record}

    def to_text(self) -> str:
        """Return the text of the message."""
        return json.dumps(self.to_dict())


def one_line(text: str, limit: int) -> str:
    """Return a text as one printable line of at most `limit` characters, without the user part of addresses."""
    plain = _CONTROL.sub(" ", _ESCAPES.sub("", text).encode("utf-8", "replace").decode())
    plain = " ".join(_USERINFO.sub("", plain).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _names(value: object) -> tuple[str, ...]:
    items = value[:CONCERNED] if isinstance(value, list) else ()
    return tuple(one for one in items if isinstance(one, str) and len(one) <= NAME_LIMIT and NAME.fullmatch(one))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
