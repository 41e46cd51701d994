"""A record on its way through a container's log.

A termination message is too small for it: it is printed between two marks, compressed, and the message holds its
digest. The log has other lines too, and some of them may pretend; the digest alone tells which record is the one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import textwrap
import zlib

from llamastack_contract.limits import RECORD_BYTES

_BEGIN, _END = "record-begin", "record-end"
_WIDTH = 76
_PRINTED = re.compile(rf"^{_BEGIN} (sha256:[0-9a-f]{{64}}) \d+$\n((?:[A-Za-z0-9+/=]+\n)*)^{_END}$", re.MULTILINE)


class NotPrintedError(ValueError):
    """A log does not hold the record of a digest, or not whole."""


def digest_of(content: bytes) -> str:
    """Return the digest by which a termination message names a record."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def lines_of(content: bytes) -> list[str]:
    """Return the lines to print for the bytes of a record."""
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    return [f"{_BEGIN} {digest_of(content)} {len(content)}", *textwrap.wrap(packed, _WIDTH), _END]


def printed_record(log: str, digest: str) -> bytes:
    """Return the bytes of the record that was printed.

    Args:
        log: the container's log, whatever else is in it.
        digest: of the record, from the termination message.

    Raises:
        NotPrintedError: there is no such record, or it is not that of the digest.
    """
    for match in _PRINTED.finditer(log):
        if match[1] == digest:
            return _unpacked(match[2], digest)
    raise NotPrintedError("the build's log does not hold its record")


def _unpacked(packed: str, digest: str) -> bytes:
    try:
        content = zlib.decompressobj().decompress(
            base64.b64decode("".join(packed.split()), validate=True), RECORD_BYTES + 1
        )
    except (binascii.Error, zlib.error) as error:
        raise NotPrintedError("the build's record cannot be unpacked") from error
    if digest_of(content) != digest:
        raise NotPrintedError("the build's record is not the one that was told of")
    return content
