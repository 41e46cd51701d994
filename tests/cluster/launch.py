"""Start the first process of a node in namespaces of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cluster.errors import CannotRunError
from tests.cluster.processes import die_with_parent

REPOSITORY = Path(__file__).parents[2]
_UNSHARE = [
    "unshare",
    "--mount",
    "--pid",
    "--net",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
]
_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def launch(folder: Path, daemon: bool) -> subprocess.Popen[bytes]:
    """Start the node whose state is ``folder``; the returned process holds its namespaces.

    Args:
        folder: state of the node.
        daemon: let it live on when this process ends; otherwise the kernel kills it then.
    """
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    argv = [*_UNSHARE, sys.executable, "-m", "tests.cluster", "inside", str(folder)]
    with (logs / "node.log").open("ab") as output:
        return subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=daemon,
            preexec_fn=None if daemon else die_with_parent,
        )


def _network(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def has_own_network(pid: int) -> bool:
    """Say whether a launched process has entered its network namespace yet."""
    return _network(pid) != _network(os.getpid())


def write_resolver(folder: Path) -> None:
    """Copy the machine's resolver configuration for a node.

    Raises:
        CannotRunError: it names loopback addresses only, which mean something else inside the node.
    """
    for path in _RESOLVERS:
        if path.exists() and not re.search(r"^nameserver\s+(127\.|::1)", path.read_text(), re.MULTILINE):
            (folder / "resolv.conf").write_text(path.read_text())
            return
    raise CannotRunError("every resolver of this machine listens on loopback, which a node cannot reach")
