"""A first look at a change: style, types and the unit tests that are nearest to it. `python -m tests.support.quick`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.affected import affected, changed_files
from tests.support.rungs import TESTS

MOST = 12
"""Files of tests that run: about ten seconds."""


def main(words: Sequence[str]) -> int:
    """Run the checks side by side; the first word may be a commit to compare with."""
    root = TESTS.parent
    changed = changed_files(root, words[0] if words else None)
    tests = affected(root, changed)
    print(f"{len(changed)} changed files touch {len(tests)} files of unit tests", flush=True)
    programs = Path(sys.executable).parent
    checks = {
        "ruff check": [programs / "ruff", "check", "--quiet", "."],
        "ruff format": [programs / "ruff", "format", "--quiet", "--check", "."],
        "mypy": [programs / "mypy"],
    }
    running = {
        name: subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, command in checks.items()
    }
    failed = []
    if tests:
        command = [sys.executable, "-m", "pytest", "-q", *map(str, tests[:MOST])]
        failed += ["tests"] if subprocess.run(command, cwd=root, check=False).returncode else []
    for name, process in running.items():
        output, _ = process.communicate()
        if process.returncode:
            failed.append(name)
            print(f"{name}:\n{output}")
    if len(tests) > MOST:
        print(f"the {MOST} nearest files ran; make test-unit runs the other {len(tests) - MOST} too")
    print(f"failed: {', '.join(failed)}" if failed else "nothing failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
