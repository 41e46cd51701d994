"""One bounded question to a running server, whose answer is a stranger's.

The address is the ClusterIP that the API server gave the stack's own Service, never a name from a manifest. Time and
size of the answer are bounded, redirects are not followed, and nothing is unpacked: a few packed bytes fill any memory.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

CONNECT = 2.0
"""Seconds that a connection may take: a network policy drops what it does not let through."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers.

    Attributes:
        status: the HTTP status.
        body: its beginning; empty for any status but 200.
    """

    status: int
    body: bytes = b""


async def answer_of(host: str, port: int, path: str, seconds: float, limit: int) -> Answer | None:
    """Return what a server answers at a path, or None where nothing that speaks HTTP does in time.

    Args:
        host: an IP address.
        port: the TCP port.
        path: what is asked for.
        seconds: most that the whole may take.
        limit: most bytes that are read of the answer.
    """
    address = f"[{host}]" if ":" in host else host
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT)
    plain = {"Accept-Encoding": "identity"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=plain, auto_decompress=False) as session,
            session.get(f"http://{address}:{port}{path}", allow_redirects=False) as response,
        ):
            if response.status != 200:
                return Answer(response.status)
            return Answer(200, await _beginning(response.content, limit))
    except (TimeoutError, aiohttp.ClientError, OSError):
        return None


async def _beginning(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """Return an answer up to its end or the limit, in however many pieces it comes."""
    try:
        return await stream.readexactly(limit)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
