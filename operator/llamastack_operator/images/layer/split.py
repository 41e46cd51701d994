"""Tells a layer's own modules from what they depend on, so that each gets a layer of the image.

A new version of a module then changes a layer of kilobytes: what it depends on is neither pushed nor pulled again. The
lists of files are the packages' own (`RECORD`, PyPA specification "Recording installed projects"), thus a tenant's
words: they decide which layer a file goes to, and nothing else.
"""

from __future__ import annotations

import csv
import io
import os
import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from llamastack_contract.paths import packages_of
from llamastack_operator.images.layer.tree import open_plain

MOST_BYTES = 64 << 20
"""Most bytes of all lists together; files of those beyond stay with the modules."""


def dependency_files(tree: Path, python: str, modules: Collection[str]) -> frozenset[str]:
    """Return the files that belong to packages other than the modules.

    Args:
        tree: the installed files.
        python: major and minor version of their interpreter, for example `3.13`.
        modules: names of the modules' distributions.

    Returns:
        Paths within the tree. A file that a module lists too, and one that nobody lists, is none of them.

    Raises:
        OSError: the tree cannot be read.
    """
    packages = packages_of(python)
    own = {canonicalize_name(name) for name in modules}
    listed: dict[bool, set[str]] = {True: set(), False: set()}
    left = MOST_BYTES
    for folder in sorted((tree / packages).glob("*.dist-info")):
        name, _, _ = folder.name.removesuffix(".dist-info").rpartition("-")
        content = _content(f"{folder}/RECORD", left)
        left -= len(content)
        listed[canonicalize_name(name) in own].update(_paths(content, packages))
    return frozenset(listed[False] - listed[True])


def _paths(record: bytes, packages: str) -> Iterator[str]:
    """Return the paths in a `RECORD`, which are relative to the packages' folder, as paths within the tree."""
    lines = csv.reader(io.StringIO(record.decode("utf-8", "surrogateescape"), newline=""))
    try:
        for row in lines:
            if row:
                yield posixpath.normpath(f"{packages}/{row[0]}")
    except csv.Error:
        return


def _content(path: str, limit: int) -> bytes:
    """Return what is in a plain file; nothing where it is none, or too long."""
    try:
        plain = open_plain(path)
    except OSError:
        return b""
    if plain is None:
        return b""
    with plain as file:
        return file.read() if os.fstat(file.fileno()).st_size <= limit else b""
