"""What the builders of binaries and images share: the user's cache, locks between test runs, progress lines."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import ClusterError

PROGRESS_SECONDS = 15


def cache_directory(kind: str) -> Path:
    """Folder of the user's cache for one kind of artefact (``bin``, ``images``), made when missing."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("LLAMASTACK_CACHE") or user_cache / "llamastack-operator")
    folder = root / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``, so that two test runs do not build the same thing at once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def say(message: str) -> None:
    """One line of progress, on standard error to keep standard output for results."""
    print(f"[cluster] {message}", file=sys.stderr, flush=True)


def run_slowly(what: str, argv: list[str], cwd: Path, environment: dict[str, str]) -> None:
    """Run a long command at low priority with a progress line every 15 s; its output is shown only when it fails.

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
                    say(f"{what}: {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
        if process.returncode:
            log.seek(0)
            raise ClusterError(f"{what} failed:\n{''.join(log.readlines()[-40:])}")
