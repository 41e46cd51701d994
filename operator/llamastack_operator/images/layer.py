"""Packs the tree that an installation wrote as reproducible layers of an image.

The same content gives the same bytes, whoever made it, when, and in which order (OCI image specification 1.1, "Image
Layer Filesystem Changeset"). Sizes are bounded.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath

from llamastack_operator.images.compress import GzipWriter
from llamastack_operator.images.failure import from_os_error
from llamastack_operator.images.tree import Entry, Place, folder, refused, walk

MOST_FILES = 1_000_000
"""Most entries of a tree."""
MOST_BYTES = 64 << 30
"""Most bytes of content of a tree."""
_COPY = 1 << 20


@dataclass(frozen=True, slots=True)
class Layer:
    """A packed layer.

    Attributes:
        path: file that holds it, gzip-compressed.
        digest: of the compressed file.
        diff_id: digest of the tar archive itself, which an image's config names.
        size: bytes of the compressed file.
        files: entries: files, links and folders.
    """

    path: Path
    digest: str
    diff_id: str
    size: int
    files: int


def pack(
    tree: Path, root: str, target: Path, beneath: Collection[str] = frozenset(), threads: int | None = None
) -> tuple[Layer, ...]:
    """Pack a directory tree.

    Args:
        tree: the directory to pack, as this process sees it.
        root: its absolute path in the image, for example `/opt/llamastack/modules`.
        target: folder to write to.
        beneath: files, by their paths within the tree, that go into a layer of their own, beneath that of the others.
        threads: how many compress side by side; it does not change the result.

    Returns:
        The layers, the lower one first. There is one alone where no file is beneath.

    Raises:
        BuildError: reason `Tampered`, where the tree has what a layer must not have; `DiskFull`; `BuildFailed`.
    """
    place = Place(str(tree), str(PurePosixPath(root)))
    try:
        with ExitStack() as stack:
            upper = _Archive(target / "layer.tar.gz", place.root, threads, stack)
            lower = _Archive(target / "beneath.tar.gz", place.root, threads, stack)
            _fill(place, upper, lower, beneath)
            return tuple(archive.close() for archive in (lower, upper) if archive is upper or archive.files)
    except OSError as error:
        raise from_os_error(error, "pack") from error


def _fill(place: Place, upper: _Archive, lower: _Archive, beneath: Collection[str]) -> None:
    """Write each file and link to its layer, and to the upper one the folders in which nothing is."""
    total = 0
    for count, entry in enumerate(walk(place), 1):
        total += entry.info.size
        if count > MOST_FILES or total > MOST_BYTES:
            raise refused(entry.name, f"the layer would have more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB")
        if not entry.info.isdir():
            (lower if entry.name in beneath else upper).add(entry)
        elif entry.bare:
            upper.enter(entry.name)


class _Archive:
    """One layer in the making. A folder gets its entry when something in it does."""

    def __init__(self, path: Path, root: str, threads: int | None, stack: ExitStack) -> None:
        self.files = 0
        self._path = path
        self._root = root
        self._entered: set[str] = set()
        self._gzip = GzipWriter(stack.enter_context(path.open("wb")), threads)
        stack.callback(self._gzip.abandon)

    def add(self, entry: Entry) -> None:
        """Write a file or a link."""
        self.enter(entry.name.rpartition("/")[0])
        self.files += 1
        if entry.info.isreg():
            _write_file(entry, self._gzip)
        else:
            self._gzip.write(_header(entry.info))

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
            self._gzip.write(_header(folder(f"{self._root}/{name}")))
        self.files += len(missing)

    def close(self) -> Layer:
        """Write what is left and return the layer."""
        self.enter("")
        self._gzip.write(bytes(2 * tarfile.BLOCKSIZE))
        self._gzip.close()
        return Layer(self._path, self._gzip.digest, self._gzip.raw_digest, self._gzip.size, self.files)

    def _write_parents(self) -> None:
        # The image's own first folder (/opt) is left as the base has it; those of ours get an entry.
        for parent in list(reversed(PurePosixPath(self._root).parents))[2:]:
            self._gzip.write(_header(folder(str(parent))))


def _write_file(entry: Entry, target: GzipWriter) -> None:
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with FileIO(descriptor) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refused(entry.name, "it changed while it was packed")
        target.write(_header(entry.info))
        _copy(file, entry, target)
    target.write(bytes(-entry.info.size % tarfile.BLOCKSIZE))


def _copy(file: FileIO, entry: Entry, target: GzipWriter) -> None:
    left = entry.info.size
    while left:
        data = file.read(min(left, _COPY))
        if not data:
            raise refused(entry.name, "it changed while it was packed")
        target.write(data)
        left -= len(data)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
