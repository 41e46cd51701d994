"""Packs the directory that an installation wrote as one reproducible layer of an image.

The tree was written by a tenant's code, so it is untrusted: no link is followed, only plain files, folders and links
are taken, sizes are bounded, and a link may not lead out of the tree. The same content gives the same bytes, whoever
made it, when, and in which order (OCI image specification 1.1, "Image Layer Filesystem Changeset").
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath

from llamastack_operator.images.compress import GzipWriter
from llamastack_operator.images.failure import BuildError, from_os_error

MOST_FILES = 1_000_000
"""Most entries of a layer."""
MOST_BYTES = 64 << 30
"""Most bytes of content of a layer."""
_CACHE = "__pycache__"
_INTERPRETER = re.compile(r"python(3(\.[0-9]+)?)?")
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


def pack(tree: Path, root: str, target: Path, threads: int | None = None) -> Layer:
    """Pack a directory tree.

    Args:
        tree: the directory to pack, as this process sees it.
        root: its absolute path in the image, for example `/opt/llamastack/modules`.
        target: file to write.
        threads: how many compress side by side; it does not change the result.

    Raises:
        BuildError: reason `Tampered`, where the tree has what a layer must not have; `DiskFull`; `BuildFailed`.
    """
    try:
        with target.open("wb") as file:
            gzip = GzipWriter(file, threads)
            try:
                count = _write_archive(tree, PurePosixPath(root), gzip)
                gzip.close()
            finally:
                gzip.abandon()
    except OSError as error:
        raise from_os_error(error, "pack") from error
    return Layer(target, gzip.digest, gzip.raw_digest, gzip.size, count)


def _write_archive(tree: Path, root: PurePosixPath, target: GzipWriter) -> int:
    count = total = 0
    # The image's own first folder (/opt) is left as the base has it; those of ours get an entry.
    for parent in list(reversed(root.parents))[2:]:
        target.write(_folder(str(parent)).tobuf(tarfile.PAX_FORMAT))
    for entry in _walk(tree, root):
        count += 1
        total += entry.info.size
        if count > MOST_FILES or total > MOST_BYTES:
            raise _refused(entry.name, f"the layer would have more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB")
        if entry.info.isreg():
            _write_file(entry, target)
        else:
            target.write(_header(entry.info))
    target.write(bytes(2 * tarfile.BLOCKSIZE))
    return count


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    path: str
    info: tarfile.TarInfo


def _walk(top: Path, root: PurePosixPath) -> Iterator[_Entry]:
    """Yield a folder and what is in it, sorted by the bytes of the names.

    Paths are plain text in here: objects for each file of a large tree take longer than compressing it.
    """
    if not stat.S_ISDIR(top.lstat().st_mode):
        raise BuildError("Tampered", f"{root} is not a folder: the installation replaced it")
    place = _Place(str(top), str(root))
    yield _Entry(".", place.tree, _folder(place.root))
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        if inside:
            yield _Entry(inside, f"{place.tree}/{inside}", _folder(f"{place.root}/{inside}"))
        with os.scandir(f"{place.tree}/{inside}") as found:
            children = sorted(found, key=lambda child: os.fsencode(child.name))
        sources = {child.name for child in children}
        start = f"{inside}/" if inside else ""
        folders = [child.name for child in children if child.is_dir(follow_symlinks=False)]
        waiting += [f"{start}{name}" for name in reversed(folders) if name != _CACHE]
        for child in children:
            if not child.is_dir(follow_symlinks=False) and not _is_bytecode(child.name, sources):
                yield _leaf(child, f"{start}{child.name}", place)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tree lies for this process, and where it will in the image."""

    tree: str
    root: str


def _is_bytecode(name: str, siblings: set[str]) -> bool:
    """Say whether a file was compiled from one beside it; a distribution without sources keeps its bytecode."""
    return name.endswith((".pyc", ".pyo")) and name[:-1] in siblings


def _leaf(child: os.DirEntry[str], shown: str, place: _Place) -> _Entry:
    status = child.stat(follow_symlinks=False)
    path, name = f"{place.tree}/{shown}", f"{place.root}/{shown}"
    info = _info(name)
    if stat.S_ISLNK(status.st_mode):
        info.type = tarfile.SYMTYPE
        info.mode = 0o777
        target = Path(path).readlink().as_posix()
        info.linkname = _checked_link(target, PurePosixPath(name), PurePosixPath(place.root), shown)
        return _Entry(shown, path, info)
    if not stat.S_ISREG(status.st_mode):
        raise _refused(shown, f"it is a {_kind(status.st_mode)}")
    if status.st_nlink > 1:
        raise _refused(shown, "it has a second name (hard link)")
    info.mode = 0o755 if status.st_mode & 0o111 else 0o644
    info.size = status.st_size
    return _Entry(shown, path, info)


def _checked_link(target: str, name: PurePosixPath, root: PurePosixPath, shown: str) -> str:
    whole = PurePosixPath(posixpath.normpath(name.parent / target))
    if whole.is_relative_to(root):
        return target
    # A virtual environment's bin/python3 leads to the interpreter that the base has.
    if name.parent == root / "bin" and _INTERPRETER.fullmatch(name.name) and _INTERPRETER.fullmatch(whole.name):
        return target
    raise _refused(shown, f"it is a link that leads out of {root}")


def _write_file(entry: _Entry, target: GzipWriter) -> None:
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with FileIO(descriptor) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(entry.name, "it changed while it was packed")
        target.write(_header(entry.info))
        _copy(file, entry, target)
    target.write(bytes(-entry.info.size % tarfile.BLOCKSIZE))


def _copy(file: FileIO, entry: _Entry, target: GzipWriter) -> None:
    left = entry.info.size
    while left:
        data = file.read(min(left, _COPY))
        if not data:
            raise _refused(entry.name, "it changed while it was packed")
        target.write(data)
        left -= len(data)


def _info(name: str) -> tarfile.TarInfo:
    """Return an entry with owner 0:0 and time 0, as `TarInfo` has them from the start."""
    return tarfile.TarInfo(name.lstrip("/"))


def _folder(name: str) -> tarfile.TarInfo:
    info = _info(name)
    info.name += "/"
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    return info


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _kind(mode: int) -> str:
    names = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFBLK: "block device", stat.S_IFCHR: "device"}
    return names.get(stat.S_IFMT(mode), "special file")


def _refused(name: str, why: str) -> BuildError:
    shown = os.fsencode(name).decode(errors="backslashreplace")
    hint = "the module's package, or its setup.py, put it there; ask its author"
    return BuildError("Tampered", f"{shown[:200]!r} cannot be part of the image: {why}", hint)
