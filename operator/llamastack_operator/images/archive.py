"""Writes entries of a tree as a tar archive whose bytes depend on the entries alone.

OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import os
import stat
import tarfile
from io import FileIO
from pathlib import PurePosixPath
from typing import Protocol

from llamastack_operator.images.tree import Entry, folder, refused

_COPY = 1 << 20


class Sink(Protocol):
    """What an archive is written to."""

    def write(self, data: bytes, /) -> int:
        """Take bytes."""
        ...


class Archive:
    """An archive in the making. A folder gets its entry when something in it does.

    Args:
        sink: where it goes.
        root: the tree's absolute path in the image.

    Attributes:
        files: how many entries it has: files, links and folders of the tree.
    """

    def __init__(self, sink: Sink, root: str) -> None:
        self.files = 0
        self._sink = sink
        self._root = root
        self._entered: set[str] = set()

    def add(self, entry: Entry) -> None:
        """Write a file or a link."""
        self.enter(entry.name.rpartition("/")[0])
        self.files += 1
        if entry.info.isreg():
            _write_file(entry, self._sink)
        else:
            self._sink.write(_header(entry.info))

    def enter(self, inside: str) -> None:
        """Write the entries that a folder of the tree, and those around it, still lack."""
        missing = []
        while inside not in self._entered:
            self._entered.add(inside)
            missing.append(inside)
            inside = inside.rpartition("/")[0]
        for name in reversed(missing):
            if not name:
                self._write_parents()
            self._sink.write(_header(folder(f"{self._root}/{name}")))
        self.files += len(missing)

    def end(self) -> None:
        """Write what marks the end."""
        self.enter("")
        self._sink.write(bytes(2 * tarfile.BLOCKSIZE))

    def _write_parents(self) -> None:
        # The image's own first folder (/opt) is left as the base has it; those of ours get an entry.
        for parent in list(reversed(PurePosixPath(self._root).parents))[2:]:
            self._sink.write(_header(folder(str(parent))))


def _write_file(entry: Entry, target: Sink) -> None:
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with FileIO(descriptor) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refused(entry.name, "it changed while it was packed")
        target.write(_header(entry.info))
        _copy(file, entry, target)
    target.write(bytes(-entry.info.size % tarfile.BLOCKSIZE))


def _copy(file: FileIO, entry: Entry, target: Sink) -> None:
    left = entry.info.size
    while left:
        data = file.read(min(left, _COPY))
        if not data:
            raise refused(entry.name, "it changed while it was packed")
        target.write(data)
        left -= len(data)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
