"""Runs the watching process of the start check, with a program of the test's in place of the check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_contract.start_report import StartReport

ROOT = Path(__file__).resolve().parents[4]
HEAD = """
import json, os, signal, subprocess, sys, threading, time
pipe = int(sys.argv[1])
def tell(*message):
    os.write(pipe, json.dumps(message).encode() + b"\\n")
def at(provider, doing="starting remote::mine"):
    path = "providers.safety[0]"
    tell("at", {"doing": doing, "reason": "InstantiationFailed", "path": path, "api": "safety", "provider": provider})
tell("release", "0.7.3")
tell("planned", {"api": "safety", "id": "first", "type": "remote::mine", "state": "Unproven"})
tell("planned", {"api": "safety", "id": "mine", "type": "remote::mine", "state": "Unproven"})
"""
WATCHER = """
import os, sys
from llamastack_resolver.start import parent, process
program, *options = sys.argv[1:]
process.command = lambda options, pipe, check: [sys.executable, "-c", program, str(pipe)]
status = parent.main(options)
# Its own since it was started by exec: what `getrusage` says is that of the process before as well.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak.split()[1]) // 1024, file=open("memory", "w"))
os._exit(status)
"""


@dataclass(frozen=True)
class Seen:
    """What is seen of a check from outside.

    Attributes:
        status: its exit status.
        message: what the pod's status gets.
        report: the whole report.
        log: its standard error.
        memory: the most memory of the watching process, in MiB.
    """

    status: int
    message: StartReport
    report: dict[str, Any]
    log: bytes
    memory: int

    @property
    def errors(self) -> list[tuple[str, str | None, str]]:
        """Reason, provider and message of each error."""
        return [(f["reason"], f.get("provider"), f["message"]) for f in self.report["findings"]]

    @property
    def states(self) -> dict[str, str]:
        """State by provider."""
        return {one["id"]: one["state"] for one in self.report["providers"]}


def command(program: str, folder: Path, *options: str) -> list[str]:
    """Return what runs the watching process over a program."""
    files = ["--config", "run.yaml", "--termination-log", str(folder / "log"), "--report", str(folder / "report")]
    return [sys.executable, "-c", WATCHER, HEAD + program, *files, *options]


def environment() -> dict[str, str]:
    """Return the variables of such a process."""
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "operator")}


def check(program: str, folder: Path, *options: str) -> Seen:
    """Watch a program to its end.

    Args:
        program: what is run, behind `HEAD`.
        folder: where the reports go.
        options: further options.
    """
    done = subprocess.run(
        command(program, folder, *options), cwd=folder, env=environment(), capture_output=True, check=False
    )
    assert (folder / "log").exists(), done.stderr[-2000:]
    message = StartReport.parse((folder / "log").read_text("utf-8"))
    assert message is not None
    report = json.loads((folder / "report").read_text("utf-8"))
    return Seen(done.returncode, message, report, done.stderr, int((folder / "memory").read_text()))
