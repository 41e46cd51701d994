"""The files that a command was given: those that the user named, and those found in directories.

A directory of a project is full of YAML of other programs. What is hidden or installed is not even read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from llamastack_operator.cli.parser import CliError
from llamastack_resolver.yaml_io import MAX_BYTES

STDIN = "-"
_SUFFIXES = (".yaml", ".yml")
_INSTALLED = "node_modules"


@dataclass
class Files:
    """Files that were read.

    Attributes:
        read: name and content of each.
        found: names of those that were found in a directory.
        not_read: how many YAML files of directories were left out.
    """

    read: list[tuple[str, bytes]] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    not_read: int = 0


def read_files(names: Iterable[str]) -> Files:
    """Read every file; directories are searched for *.yaml and *.yml, `-` is standard input.

    Raises:
        CliError: a file cannot be read, or a directory holds no YAML.
    """
    files = Files()
    for name in names:
        if name == STDIN:
            files.read.append(("<stdin>", sys.stdin.buffer.read()))
        elif Path(name).is_dir():
            _read_directory(name, files)
        else:
            files.read.append((name, _read(Path(name))))
    return files


def _read_directory(name: str, files: Files) -> None:
    paths = sorted(_yaml_files(name))
    if not paths:
        raise CliError(f"{name}: no *.yaml file in this directory")
    for path, skipped in paths:
        if skipped or path.stat().st_size > MAX_BYTES:
            files.not_read += 1
            continue
        files.read.append((str(path), _read(path)))
        files.found.add(str(path))


def _yaml_files(name: str) -> Iterator[tuple[Path, bool]]:
    """Yield each YAML file below a directory, and whether it is hidden or installed."""
    top = Path(name)
    for folder, _, names in os.walk(name):
        inside = Path(folder).relative_to(top).parts
        for file in names:
            path = Path(folder, file)
            if path.suffix in _SUFFIXES and path.is_file():
                yield path, any(part.startswith(".") or part == _INSTALLED for part in (*inside, file))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}") from error
