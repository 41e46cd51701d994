"""What came of a build that succeeded: the words of its `push` container, and the record that it printed.

Both are written by the operator's own image, the record into the log because a termination message holds 4 KiB
(docs/decisions/0008). The digest in the termination message is what makes the log's text trustworthy.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.llamastackbuild import LOCK_LIMIT

RECORD_LIMIT = 2_000_000
"""Most bytes of a record, unpacked."""
LOG_LIMIT = 4_000_000
"""Most bytes of log that are read for it."""
_RECORD = re.compile(r"^record-begin (sha256:[0-9a-f]{64}) \d+$\n((?:[A-Za-z0-9+/=]+\n)*)^record-end$", re.MULTILINE)
_IMAGE = re.compile(r"^[^@\s]+@(sha256:[0-9a-f]{64})$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_PROGRESS = re.compile(r"^progress: ((?:[a-z]{1,20}+ ?){1,4}+(?:\d{1,6} of \d{1,6})?)$", re.MULTILINE)


class LostRecordError(ValueError):
    """The record is not there, or is not the one that the build told of.

    Attributes:
        retry: whether another try can bring it.
    """

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


def parse_message(text: str, repository: str | None) -> Mapping[str, Any]:
    """Return what `push` told in its termination message.

    Args:
        text: the message.
        repository: where the image had to go, or None where none was pushed.

    Raises:
        LostRecordError: it is not the message of a finished push into that repository.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LostRecordError("the build's last words cannot be read") from error
    if not isinstance(told, dict) or not _DIGEST.match(str(told.get("record", ""))):
        raise LostRecordError("the build's last words name no record")
    if repository is not None:
        match = _IMAGE.match(str(told.get("image", "")))
        if match is None or told["image"] != f"{repository}@{match[1]}":
            raise LostRecordError("the build's last words name no image of its repository")
    return told


def parse_record(log: str, digest: str) -> Mapping[str, Any]:
    """Return the record that `push` printed.

    Args:
        log: the container's log.
        digest: the digest that its termination message told.

    Raises:
        LostRecordError: the log has no record of that digest.
    """
    for match in _RECORD.finditer(log):
        if match[1] != digest:
            continue
        try:
            packed = base64.b64decode("".join(match[2].split()), validate=True)
            text = zlib.decompressobj().decompress(packed, RECORD_LIMIT)
        except (binascii.Error, zlib.error) as error:
            raise LostRecordError("the build's record cannot be unpacked") from error
        if f"sha256:{hashlib.sha256(text).hexdigest()}" != digest:
            raise LostRecordError("the build's record is not the one that was told of")
        try:
            return _checked(json.loads(text))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise LostRecordError("the build's record is no JSON") from error
    raise LostRecordError("the build's log does not hold its record")


def progress_of(log: str) -> str:
    """Return the newest progress that a container of a build told, or nothing; numbers and plain words only."""
    found = _PROGRESS.findall(log)
    return found[-1].strip() if found else ""


def _checked(record: Any) -> Mapping[str, Any]:
    if not isinstance(record, dict) or not isinstance(record.get("lock"), list):
        raise LostRecordError("the build's record has no lock")
    if len(record["lock"]) > LOCK_LIMIT:
        raise LostRecordError(f"the build's lock has more than {LOCK_LIMIT} packages", retry=False)
    return record
