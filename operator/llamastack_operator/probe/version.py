"""Asks a running server which release it is: nothing but a version number is taken from the answer."""

from __future__ import annotations

import json
import re

from llamastack_operator.probe.answer import answer_of

TIMEOUT = 2.0
"""Seconds that the whole look may take."""
SIZE_LIMIT = 4096
"""Most bytes that are read of an answer."""
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


async def server_version(host: str, port: int) -> str | None:
    """Return the version that a server reports at `/v1/version`, or None where it does not tell.

    Args:
        host: an IP address.
        port: the TCP port.
    """
    answer = await answer_of(host, port, "/v1/version", TIMEOUT, SIZE_LIMIT)
    return parse_version(answer.body) if answer is not None else None


def parse_version(answer: bytes) -> str | None:
    """Return the version in an answer of `/v1/version`, or None where there is none that could be one."""
    try:
        version = json.loads(answer)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None
