"""Runs rungs of tests: `python -m tests.support.run [RUNG] [PYTEST OPTION ...]`; without a rung all of them.

All of them are two processes of pytest side by side, one of which waits for clusters most of the time: more would take
from each other what tests with a patience need. Their results are one line at the end, as of one process.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.support.rungs import RUNGS, TESTS, Rung, arguments

# Cluster tests first: they take longer, so they get the CPU that both want.
LANES = (("api", "node"), ("unit", "conformance", "images"))
_WORKERS = {"unit": 2}
"""Worker processes of a rung that runs alone; each of the others waits, or shares what is made once a process."""
_AFTER_PROGRESS = re.compile(r"=+ (ERRORS|FAILURES|warnings summary|slowest|short test summary|[\d!])")


@dataclass
class Counts:
    """How tests ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def counted(report: Path) -> Counts:
    """Read pytest's report in the form of JUnit; one failure where there is none, for pytest did not get so far."""
    if not report.exists():
        return Counts(failed=1)
    counts = Counts()
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest's own
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            counts.failed += 1
        elif "skipped" in kinds:
            counts.skipped += 1
        else:
            counts.passed += 1
    return counts


@dataclass
class Lane:
    """One process of pytest, whose progress is shown as it comes and whose findings when it is done.

    Attributes:
        name: what its lines begin with; empty for none.
        command: the process.
        folder: where its report goes.
        lower: whether it leaves the CPU to others.
        counts: how its tests ended.
        code: its exit code.
    """

    name: str
    command: Sequence[str]
    folder: Path
    lower: bool = False
    counts: Counts = field(default_factory=Counts)
    code: int = 0

    def run(self) -> None:
        """Run it to its end."""
        started = time.monotonic()
        report = self.folder / "report.xml"
        command = [*(["nice"] if self.lower else []), *self.command, f"--junitxml={report}"]
        process = subprocess.Popen(
            command, cwd=TESTS.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        held: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            if "generated xml file: " in line:
                continue
            if held or _AFTER_PROGRESS.match(line):
                held.append(line)
            else:
                print(f"{self.name}{line}", end="", flush=True)
        self.code = process.wait()
        self.counts = counted(report)
        if self.code and not self.counts.failed:
            self.counts.failed = 1
            held.append(f"pytest ended with exit code {self.code}\n")
        took = f"{self.name}{time.monotonic() - started:.0f} s\n"
        print("".join([*held, took]), end="", flush=True)


def run(commands: dict[str, Sequence[str]]) -> int:
    """Run processes of pytest side by side, the first with the right of way; return the exit code of all."""
    with tempfile.TemporaryDirectory() as folder:
        lanes = []
        for name, command in commands.items():
            own = Path(folder, str(len(lanes)))
            own.mkdir()
            lanes.append(Lane(f"[{name}] " if len(commands) > 1 else "", command, own, lower=bool(lanes)))
        threads = [threading.Thread(target=lane.run) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    total = sum((lane.counts for lane in lanes), Counts())
    print(total, flush=True)
    return int(any(lane.code for lane in lanes) or bool(total.failed) or not total.passed)


def pytest_command(rungs: Sequence[Rung], options: Sequence[str]) -> list[str]:
    """Return the command for some rungs."""
    workers = _WORKERS.get(rungs[0].name) if len(rungs) == 1 else None
    command = [sys.executable, "-m", "pytest", "--durations=10", *options]
    return [*command, *(["-n", str(workers)] if workers else []), *arguments(rungs)]


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    if words and words[0] in RUNGS:
        return run({words[0]: pytest_command([RUNGS[words[0]]], words[1:])})
    lanes = {"+".join(names): [RUNGS[name] for name in names] for names in LANES}
    return run({name: pytest_command(rungs, words) for name, rungs in lanes.items()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
