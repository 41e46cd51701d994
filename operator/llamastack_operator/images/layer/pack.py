"""Packs the tree that an installation wrote as reproducible layers of an image.

The same content gives the same bytes, whoever made it, when, and in which order. Sizes are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from llamastack_operator.images.failure import from_os_error
from llamastack_operator.images.layer.archive import Archive
from llamastack_operator.images.layer.compress import GzipWriter
from llamastack_operator.images.layer.tree import TreePath, refused, walk

MOST_FILES = 1_000_000
"""Most entries of a tree."""
MOST_BYTES = 64 << 30
"""Most bytes of content of a tree."""


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """A packed layer.

    Attributes:
        path: file that holds it, gzip-compressed; None where the registry has it.
        digest: of the compressed file.
        diff_id: digest of the tar archive itself, which an image's config names.
        size: bytes of the compressed file.
    """

    path: Path | None
    digest: str
    diff_id: str
    size: int


def pack(
    tree: Path,
    root: str,
    target: Path,
    beneath: Collection[str] = frozenset(),
    stored: Callable[[str], PackedLayer | None] | None = None,
    threads: int | None = None,
) -> tuple[PackedLayer, ...]:
    """Pack a directory tree.

    Args:
        tree: the directory to pack, as this process sees it.
        root: its absolute path in the image, for example `/opt/llamastack/modules`.
        target: folder to write to.
        beneath: files, by their paths within the tree, that go into a layer of their own, beneath that of the others.
        stored: returns a layer that need not be packed again, by its diff id; None where there is none for sure.
        threads: how many compress side by side; it does not change the result.

    Returns:
        The layers, the lower one first. There is one alone where no file is beneath.

    Raises:
        BuildError: reason `Tampered`, where the tree has what a layer must not have; `DiskFull`; `BuildFailed`.
    """
    place = TreePath(str(tree), str(PurePosixPath(root)))
    try:
        kept = stored(_diff_id(place, beneath)) if stored and beneath else None
        with ExitStack() as stack:
            upper = _Packing(target / "layer.tar.gz", place.root, threads, stack)
            if kept is not None:
                _fill(place, beneath, upper.archive, None)
                return kept, upper.finish()
            lower = _Packing(target / "beneath.tar.gz", place.root, threads, stack)
            _fill(place, beneath, upper.archive, lower.archive)
            return (upper.finish(),) if lower.archive.empty else (lower.finish(), upper.finish())
    except OSError as error:
        raise from_os_error(error, "pack") from error


def _diff_id(place: TreePath, beneath: Collection[str]) -> str:
    """Return the diff id that the layer beneath has: a small part of the work of packing it."""
    digest = sha256()
    archive = Archive(digest.update, place.root)
    _fill(place, beneath, None, archive)
    archive.end()
    return f"sha256:{digest.hexdigest()}"


def _fill(place: TreePath, beneath: Collection[str], upper: Archive | None, lower: Archive | None) -> None:
    """Write each file and link to its layer, and to the upper one the folders in which nothing is."""
    total = 0
    for count, entry in enumerate(walk(place), 1):
        total += entry.info.size
        if count > MOST_FILES or total > MOST_BYTES:
            raise refused(entry.name, f"the layer would have more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB")
        if not entry.info.isdir():
            archive = lower if entry.name in beneath else upper
            if archive is not None:
                archive.add(entry)
        elif entry.bare and upper is not None:
            upper.enter(entry.name)


class _Packing:
    """A layer in the making, and the file that it is written to."""

    def __init__(self, path: Path, root: str, threads: int | None, stack: ExitStack) -> None:
        self._path = path
        self._gzip = GzipWriter(stack.enter_context(path.open("wb")), threads)
        stack.callback(self._gzip.abandon)
        self.archive = Archive(self._gzip.write, root)

    def finish(self) -> PackedLayer:
        """Write what is left and return the layer."""
        self.archive.end()
        self._gzip.close()
        return PackedLayer(self._path, self._gzip.digest, self._gzip.raw_digest, self._gzip.size)
