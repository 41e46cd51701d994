"""Writes, or checks, a file that is made from the code; the command line of the generators."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def write_or_check(name: str, text: str, arguments: list[str] | None) -> int:
    """Write a generated file into a directory, or with `--check` tell whether it is up to date.

    Args:
        name: the file's name.
        text: what it should hold.
        arguments: the command line; the process' own where None.

    Returns:
        0, or 1 where a checked file is stale.
    """
    parser = argparse.ArgumentParser(description=f"Write {name} into a directory.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    options = parser.parse_args(arguments)
    target = options.directory / name
    if not options.check:
        target.write_text(text)
        return 0
    if target.is_file() and target.read_text() == text:
        return 0
    sys.stderr.write(f"{target} is stale: run `make generate`\n")
    return 1
