"""Long commands of the builders of binaries and images, with progress lines."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.errors import ClusterError

PROGRESS_SECONDS = 15


def say(message: str) -> None:
    """One line of progress, on standard error to keep standard output for results."""
    print(f"[cluster] {message}", file=sys.stderr, flush=True)


def _last_line(log: int) -> tuple[int, str]:
    """Count the lines that a running command has written, and return the last one."""
    # Not by seek and read: the command writes at the same file position.
    lines = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").splitlines()
    return len(lines), lines[-1] if lines else ""


def run_slowly(what: str, argv: list[str], cwd: Path, environment: dict[str, str], unit: str = "") -> None:
    """Run a long command at low priority with a progress line every 15 s; its output is shown only when it fails.

    Args:
        what: what is done, as progress lines and errors name it.
        argv: the command.
        cwd: its working folder.
        environment: its environment.
        unit: what one line of its output stands for, where progress lines are to count and show them. Not for
            commands that write addresses of this machine's package indexes.

    Raises:
        ClusterError: the command failed; the message ends with its last 40 lines.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(["nice", *argv], cwd=cwd, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=PROGRESS_SECONDS)
                except subprocess.TimeoutExpired:
                    count, last = _last_line(log.fileno()) if unit else (0, "")
                    detail = f", {count} {unit}, last {last}" if count else ""
                    say(f"{what}: {time.monotonic() - started:.0f} s{detail}")
        finally:
            if process.poll() is None:
                process.kill()
        if process.returncode:
            log.seek(0)
            raise ClusterError(f"{what} failed:\n{''.join(log.readlines()[-40:])}")
