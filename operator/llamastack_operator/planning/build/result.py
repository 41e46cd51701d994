"""What came of a build that succeeded: the words of its `push` container, and the record that it printed.

Both are written by the operator's own image, the record into the log because a termination message holds 4 KiB
(docs/decisions/0008). The digest in the termination message is what makes the log's text trustworthy.
"""

from __future__ import annotations

import re

from llamastack_contract.message import PushMessage
from llamastack_contract.printed import NotPrintedError, printed_record
from llamastack_contract.record import Record
from llamastack_contract.shape import DIGEST, LimitError

_IMAGE = re.compile(r"^[^@\s]+@(sha256:[0-9a-f]{64})$")


class LostRecordError(ValueError):
    """The record is not there, or is not the one that the build named; another try can bring it."""


def parse_message(text: str, repository: str | None) -> PushMessage:
    """Return what `push` says in its termination message.

    Args:
        text: the message.
        repository: where the image had to go, or None where none was pushed.

    Raises:
        LostRecordError: it is not the message of a finished push into that repository.
    """
    try:
        message = PushMessage.parse(text)
    except ValueError as error:
        raise LostRecordError("the build's last words cannot be read") from error
    if not DIGEST.fullmatch(message.record):
        raise LostRecordError("the build's last words name no record")
    if repository is not None:
        match = _IMAGE.match(message.image or "")
        if match is None or message.image != f"{repository}@{match[1]}":
            raise LostRecordError("the build's last words name no image of its repository")
    return message


def parse_record(log: str, digest: str) -> Record:
    """Return the record that `push` printed.

    Args:
        log: the container's log.
        digest: the digest that its termination message has.

    Raises:
        LostRecordError: the log has no record of that digest, or it is not of the agreed shape.
        LimitError: it is more than a LlamaStackBuild can hold.
    """
    try:
        return Record.parse(printed_record(log, digest))
    except NotPrintedError as error:
        raise LostRecordError(str(error)) from error
    except LimitError:
        raise
    except ValueError as error:
        raise LostRecordError(f"the build's record is not of the agreed shape: {error}") from error
