"""Writes entries of a tree as a tar archive whose bytes depend on the entries alone.

OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import PurePosixPath

from llamastack_operator.images.layer.tree import Entry, folder, open_plain, refused

_COPY = 1 << 20
_Write = Callable[[bytes], object]


class Archive:
    """An archive in the making. A folder gets its entry when something in it does.

    Args:
        write: takes its bytes, piece by piece.
        root: the tree's absolute path in the image.
    """

    def __init__(self, write: _Write, root: str) -> None:
        self._write = write
        self._root = root
        self._entered: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether nothing was written yet."""
        return not self._entered

    def add(self, entry: Entry) -> None:
        """Write a file or a link."""
        self.enter(entry.name.rpartition("/")[0])
        if entry.info.isreg():
            _write_file(entry, self._write)
        else:
            self._write(_header(entry.info))

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
            self._write(_header(folder(f"{self._root}/{name}")))

    def end(self) -> None:
        """Write what marks the end."""
        self.enter("")
        self._write(bytes(2 * tarfile.BLOCKSIZE))

    def _write_parents(self) -> None:
        # The image's own first folder (/opt) is left as the base has it; those of ours get an entry.
        for parent in list(reversed(PurePosixPath(self._root).parents))[2:]:
            self._write(_header(folder(str(parent))))


def _write_file(entry: Entry, write: _Write) -> None:
    plain = open_plain(entry.path)
    if plain is None:
        raise refused(entry.name, "it changed while it was packed")
    with plain as file:
        write(_header(entry.info))
        left = entry.info.size
        while left:
            data = file.read(min(left, _COPY))
            if not data:
                raise refused(entry.name, "it changed while it was packed")
            write(data)
            left -= len(data)
    write(bytes(-entry.info.size % tarfile.BLOCKSIZE))


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
