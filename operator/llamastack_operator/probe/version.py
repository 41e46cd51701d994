"""Asks a running server which release it is.

The address is the ClusterIP that the API server gave the stack's own Service, never a name from a manifest. Time
and size of the answer are bounded, redirects are not followed, and nothing but a version number is taken from it.
"""

from __future__ import annotations

import asyncio
import json
import re

import aiohttp

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
    address = f"[{host}]" if ":" in host else host
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{address}:{port}/v1/version", allow_redirects=False) as response,
        ):
            if response.status != 200:
                return None
            return parse_version(await _beginning(response.content))
    except (TimeoutError, aiohttp.ClientError, OSError):
        return None


async def _beginning(stream: aiohttp.StreamReader) -> bytes:
    """Return an answer up to its end or the size limit, in however many pieces it comes."""
    try:
        return await stream.readexactly(SIZE_LIMIT)
    except asyncio.IncompleteReadError as whole:
        return whole.partial


def parse_version(answer: bytes) -> str | None:
    """Return the version in an answer of `/v1/version`, or None where there is none that could be one."""
    try:
        version = json.loads(answer)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None
