"""Gzip of a stream on all processors, with the same bytes wherever and with however many threads it runs.

The input is cut into blocks of one fixed size, and each becomes a gzip member of its own (RFC 1952, section 2.2: a
file is a series of members; eStargz layers are made like that). The members do not depend on each other, so threads
may compress them side by side while the digests of both streams are computed; memory stays at a few blocks.

The bytes depend on the zlib that Python was built with, thus on the operator's image, not on the machine.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Buffer
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

BLOCK = 4 << 20
"""Bytes of input per member."""
LEVEL = 5
"""Measured (benchmarks/layer.py): level 6 takes a third longer and saves two per cent, level 4 loses four."""
# Magic, deflate, no flags, time 0, no extra flags, unknown system: nothing in it tells where or when.
_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))


def gzip_member(block: Buffer) -> bytes:
    """Return one whole gzip member that holds a block."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY)
    body = deflate.compress(block) + deflate.flush()
    return _HEADER + body + struct.pack("<II", zlib.crc32(block), memoryview(block).nbytes & 0xFFFFFFFF)


class GzipWriter:
    """A writable that compresses into a file and knows the digests of both sides.

    Attributes:
        raw_size: bytes written to it.
        size: bytes that it wrote.
    """

    def __init__(self, target: BinaryIO, threads: int | None = None) -> None:
        """Write to a binary file.

        Args:
            target: where the compressed bytes go.
            threads: how many compress side by side; the default is one per usable processor, at most 8.
        """
        self.raw_size = 0
        self.size = 0
        self._target = target
        self._raw = hashlib.sha256()
        self._compressed = hashlib.sha256()
        self._block = bytearray()
        threads = threads or min(8, len(os.sched_getaffinity(0)))
        self._pool = ThreadPoolExecutor(threads, "gzip")
        self._hasher = ThreadPoolExecutor(1, "sha256")
        self._waiting: deque[tuple[Future[bytes], Future[None]]] = deque()
        self._most = 2 * threads

    def write(self, data: Buffer, /) -> int:
        """Take bytes; it blocks while enough blocks are on their way."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            piece = view[done : done + BLOCK - len(self._block)]
            self._block += piece
            done += len(piece)
            if len(self._block) == BLOCK:
                self._submit()
        self.raw_size += done
        return done

    def close(self) -> None:
        """Write what is left and end the threads; the target stays open."""
        try:
            if self._block or not self.raw_size:
                self._submit()
            while self._waiting:
                self._drain()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the threads without writing what is left."""
        self._pool.shutdown(cancel_futures=True)
        self._hasher.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        block = bytes(self._block)
        self._block.clear()
        hashed = self._hasher.submit(self._raw.update, block)
        self._waiting.append((self._pool.submit(gzip_member, block), hashed))
        if len(self._waiting) >= self._most:
            self._drain()

    def _drain(self) -> None:
        member, hashed = self._waiting.popleft()
        hashed.result()
        data = member.result()
        self._target.write(data)
        self._compressed.update(data)
        self.size += len(data)

    @property
    def raw_digest(self) -> str:
        """Digest of what was written to it, as `sha256:...`; final after `close`."""
        return f"sha256:{self._raw.hexdigest()}"

    @property
    def digest(self) -> str:
        """Digest of what it wrote, as `sha256:...`; final after `close`."""
        return f"sha256:{self._compressed.hexdigest()}"
