"""Start the parts of a cluster so that none outlives its parent, and explain why one of them died.

A test run may be killed at any moment. The kernel then kills the children (``PR_SET_PDEATHSIG``), which no clean-up
code in Python could promise.
"""

import ctypes
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.cluster.errors import ClusterError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
# Below the kernel's ephemeral range, so that no outgoing connection takes the port before the server binds it.
_PORTS = range(20000, 32000)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends; runs between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - no secret, only a port
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def last_lines(log: Path, count: int = 20) -> str:
    """Return the end of a log, or a note that it is empty."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-count:]) or "(empty log)"


class Processes:
    """The named, running parts of one cluster; each part logs to ``<folder>/<name>.log``."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        """File that holds the output of one part."""
        return self.logs / f"{name}.log"

    def start(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> None:
        """Start one part in the background; it is killed with this process."""
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=die_with_parent,
            )

    def end(self, name: str) -> None:
        """Stop one part; it can be started again."""
        _end(self._running.pop(name))

    def pids(self) -> set[int]:
        """Process ids of all parts."""
        return {process.pid for process in self._running.values()}

    def ended(self) -> str | None:
        """Name of a part that ended by itself, or None while all run."""
        return next((name for name, process in self._running.items() if process.poll() is not None), None)

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until ``ready()`` is true, and fail as soon as the part called ``name`` ends.

        Args:
            name: the part that is waited for; the error shows its log.
            ready: asked every 0.1 s.
            seconds: longest time to wait.

        Raises:
            ClusterError: the part ended or did not become ready in time; holds the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            code = self._running[name].poll()
            if code is not None:
                raise ClusterError(self._report(name, f"ended with exit status {code}"))
            if time.monotonic() > deadline:
                raise ClusterError(self._report(name, f"was not ready after {seconds:.0f} s"))
            time.sleep(0.1)

    def _report(self, name: str, what: str) -> str:
        return f"{name} {what}; end of its log:\n{last_lines(self.log(name))}"

    def stop(self) -> None:
        """Stop every part, the last one started first. Calling it again does nothing."""
        while self._running:
            _, process = self._running.popitem()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
