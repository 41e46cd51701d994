"""Which unit tests a change touches, found from who imports whom: what `make quick` runs.

A first look, not the last: data that a program finds by a path that it puts together is not seen. Nearest first.
"""

from __future__ import annotations

import ast
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.rungs import RUNGS

SOURCES = ("operator", "tests", "benchmarks", "scripts")
"""Folders with Python; of the first, the module names begin below it."""


def modules(root: Path) -> dict[str, Path]:
    """Return the modules of the repository by name, with their files relative to its root."""
    found = {}
    for folder in SOURCES:
        for file in (root / folder).rglob("*.py"):
            path = file.relative_to(root)
            parts = path.with_suffix("").parts[1 if folder == "operator" else 0 :]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def used(name: str, tree: ast.AST, known: Iterable[str]) -> set[str]:
    """Return the modules that a module uses: those that it imports, or names in a text as programs to run.

    Args:
        name: the module.
        tree: its source.
        known: all modules.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isascii():
            names |= {node.value, f"{node.value}.__main__"}
    # Importing a module runs the packages that it is in; a name in a text may go on with a function of the module.
    everything = {".".join(parts[:end]) for parts in map(_parts, names) for end in range(1, len(parts) + 1)}
    return (everything & {*known}) - {name}


def _parts(name: str) -> list[str]:
    return name.split(".") if len(name) < 200 else []


def users(root: Path, known: Mapping[str, Path]) -> dict[Path, set[Path]]:
    """Return, for each Python file, those that use it; a `conftest.py` is used by the tests of its folder."""
    found: dict[Path, set[Path]] = defaultdict(set)
    for name, path in known.items():
        for other in used(name, ast.parse((root / path).read_bytes()), known):
            found[known[other]].add(path)
        if path.name == "conftest.py":
            tests = {file for file in known.values() if file.name.startswith("test_")}
            found[path] |= {test for test in tests if test.is_relative_to(path.parent)}
    return found


def touched_by(root: Path, path: Path, known: Mapping[str, Path]) -> set[Path]:
    """Return the Python files that a changed file touches first: itself, or for data those that may read it."""
    files = {*known.values()}
    if path in files:
        return {path}
    folder = next((folder for folder in path.parents[:-1] if any(file.parent == folder for file in files)), None)
    near = {file for file in files if folder and file.parent == folder}
    words = {path.name, path.parts[0]} if folder is None else {path.name}
    return near | {file for file in files if any(word in (root / file).read_text() for word in words)}


def affected(root: Path, changed: Iterable[Path]) -> list[Path]:
    """Return the test files of the rung `unit` that changed files touch, those with the fewest imports between first.

    Args:
        root: the repository.
        changed: paths relative to it.
    """
    known = modules(root)
    by_file = users(root, known)
    unit = tuple(Path("tests", folder) for folder in RUNGS["unit"].folders)
    near = {start for path in changed for start in touched_by(root, path, known)}
    seen: dict[Path, None] = {}
    while near:
        seen |= dict.fromkeys(sorted(near))
        near = {user for path in near for user in by_file.get(path, ())} - seen.keys()
    return [path for path in seen if path.name.startswith("test_") and any(map(path.is_relative_to, unit))]


def changed_files(root: Path, base: str | None = None) -> list[Path]:
    """Return what differs from a commit, with files that git does not know yet.

    Args:
        root: the repository.
        base: the commit; default: where this branch left `main`, and on `main` the last commit, if all is committed
            the one before it.
    """

    def git(*words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    new = git("ls-files", "--others", "--exclude-standard")
    head = git("rev-parse", "HEAD")
    since = [base] if base else git("merge-base", "HEAD", "main") or head
    if since == head and not new and not git("diff", "--name-only", "HEAD"):
        since = ["HEAD~1"]
    return sorted({Path(path) for path in [*git("diff", "--name-only", *since), *new]})
