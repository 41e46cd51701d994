"""Reads the tree that an installation wrote, as the entries of an archive.

A tenant's code wrote it, so it is untrusted: no link is followed, only plain files, folders and links are taken, and a
link may not lead out of the tree. Owners, times and the file system's order are left out.
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

from llamastack_operator.images.failure import BuildError

_CACHE = "__pycache__"
_INTERPRETER = re.compile(r"python(3(\.[0-9]+)?)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a link or a folder.

    Attributes:
        name: its path within the tree; empty for the tree itself.
        path: where this process finds it.
        info: its entry in an archive.
        bare: whether it is a folder in which nothing is.
    """

    name: str
    path: str
    info: tarfile.TarInfo
    bare: bool = False


@dataclass(frozen=True, slots=True)
class TreePath:
    """Where a tree lies for this process, and where it will in the image."""

    tree: str
    root: str


def walk(place: TreePath) -> Iterator[Entry]:
    """Yield every folder and then what is in it, sorted by the bytes of the names.

    Paths are plain text in here: objects for each file of a large tree take longer than compressing it.

    Raises:
        BuildError: reason `Tampered`: something in it cannot be part of an image.
        OSError: it cannot be read.
    """
    if not stat.S_ISDIR(os.lstat(place.tree).st_mode):
        raise BuildError("Tampered", f"{place.root} is not a folder: the installation replaced it")
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        start = f"{inside}/" if inside else ""
        path = f"{place.tree}/{inside}"
        folders, leaves = _children(path)
        yield Entry(inside, path, folder(f"{place.root}/{inside}"), bare=not (folders or leaves))
        waiting += [f"{start}{name}" for name in reversed(folders)]
        for child in leaves:
            yield _leaf(child, f"{start}{child.name}", place)


def open_plain(path: str) -> FileIO | None:
    """Open a plain file to read; None where it is a folder, a pipe or a device.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    # Without O_NONBLOCK a pipe would be waited at until somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return FileIO(descriptor)
    os.close(descriptor)
    return None


def folder(name: str) -> tarfile.TarInfo:
    """Return the entry of a folder."""
    info = _info(f"{name.rstrip('/')}/")
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    return info


def refused(name: str, why: str) -> BuildError:
    """Return the error for a file that cannot be part of an image."""
    shown = os.fsencode(name).decode(errors="backslashreplace")
    hint = "the module's package, or its setup.py, put it there; ask its author"
    return BuildError("Tampered", f"{shown[:200]!r} cannot be part of the image: {why}", hint)


def _children(path: str) -> tuple[list[str], list[os.DirEntry[str]]]:
    """Return the names of the folders in a folder, and the rest of what is in it; both without bytecode."""
    folders: list[str] = []
    leaves: list[os.DirEntry[str]] = []
    with os.scandir(path) as found:
        children = sorted(found, key=lambda child: os.fsencode(child.name))
    names = {child.name for child in children}
    for child in children:
        if not child.is_dir(follow_symlinks=False):
            if not _is_bytecode(child.name, names):
                leaves.append(child)
        elif child.name != _CACHE:
            folders.append(child.name)
    return folders, leaves


def _is_bytecode(name: str, siblings: set[str]) -> bool:
    """Say whether a file was compiled from one beside it; a distribution without sources keeps its bytecode."""
    return name.endswith((".pyc", ".pyo")) and name[:-1] in siblings


def _leaf(child: os.DirEntry[str], shown: str, place: TreePath) -> Entry:
    status = child.stat(follow_symlinks=False)
    path, name = f"{place.tree}/{shown}", f"{place.root}/{shown}"
    info = _info(name)
    if stat.S_ISLNK(status.st_mode):
        info.type = tarfile.SYMTYPE
        info.mode = 0o777
        target = Path(path).readlink().as_posix()
        info.linkname = _checked_link(target, PurePosixPath(name), PurePosixPath(place.root), shown)
        return Entry(shown, path, info)
    if not stat.S_ISREG(status.st_mode):
        raise refused(shown, f"it is a {_kind(status.st_mode)}")
    if status.st_nlink > 1:
        raise refused(shown, "it has a second name (hard link)")
    info.mode = 0o755 if status.st_mode & 0o111 else 0o644
    info.size = status.st_size
    return Entry(shown, path, info)


def _checked_link(target: str, name: PurePosixPath, root: PurePosixPath, shown: str) -> str:
    whole = PurePosixPath(posixpath.normpath(name.parent / target))
    if whole.is_relative_to(root):
        return target
    # A virtual environment's bin/python3 leads to the interpreter that the base has.
    if name.parent == root / "bin" and _INTERPRETER.fullmatch(name.name) and _INTERPRETER.fullmatch(whole.name):
        return target
    raise refused(shown, f"it is a link that leads out of {root}")


def _info(name: str) -> tarfile.TarInfo:
    """Return an entry with owner 0:0 and time 0, as `TarInfo` has them from the start."""
    return tarfile.TarInfo(name.lstrip("/"))


def _kind(mode: int) -> str:
    names = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFBLK: "block device", stat.S_IFCHR: "device"}
    return names.get(stat.S_IFMT(mode), "special file")
