"""Remove a node and whatever it added to the machine, also for a node whose owner was killed."""

import os
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.network import Link, forwarding, set_forwarding
from tests.cluster.runtime import PRIVATE_FOLDERS
from tests.cluster.state import ROOT, Record, records
from tests.support.cache import locked

SECONDS_TO_DIE = 20
_FORWARDING = "ip_forward"


def cgroups(record: Record) -> list[Path]:
    """Cgroups, in every hierarchy, of the containers that a node runs or ran when it was killed.

    containerd puts the containers of all nodes side by side into one parent, so they are known by their ids only.
    """
    state = record.folder / "containerd" / "io.containerd.grpc.v1.cri"
    ids = [folder.name for kind in ("sandboxes", "containers") for folder in state.glob(f"{kind}/*")]
    return [parent / container for parent in _cgroup_parents() for container in ids if (parent / container).exists()]


def _cgroup_parents() -> list[Path]:
    root = Path("/sys/fs/cgroup")
    return [*root.glob("k8s.io"), *root.glob("*/k8s.io")]


def remember_machine() -> None:
    """Keep the machine's settings that nodes change, for ``remove_node`` to restore after the last one."""
    file = ROOT / _FORWARDING
    if not file.exists():
        file.write_text(forwarding())


def _kill(record: Record) -> None:
    first = record.first_process()
    for pid in filter(None, (first, record.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS_TO_DIE
    # The first process ends after every other process of its PID namespace.
    while record.alive or (first and Path(f"/proc/{first}/stat").exists()):
        with suppress(ChildProcessError):
            os.waitpid(record.pid, os.WNOHANG)
        if time.monotonic() > deadline:
            raise ClusterError(f"the node {record.name} (process {record.pid}) does not die")
        time.sleep(0.05)


def _remove_folders(folders: Iterable[Path]) -> None:
    """Remove those of the folders that are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _remove_cgroups(record: Record) -> None:
    """Remove the emptied cgroups of a killed node; they are in no namespace that dies with it."""
    for top in cgroups(record):
        _remove_folders(sorted(top.rglob("*/"), reverse=True))
        _remove_folders([top])


def _forget_machine() -> None:
    """Restore the machine after the last node."""
    file = ROOT / _FORWARDING
    if file.exists():
        set_forwarding(file.read_text())
        file.unlink()
    # Only without nodes: removing a folder also removes what another mount namespace has mounted on it.
    _remove_folders(Path(path) for path in PRIVATE_FOLDERS)
    _remove_folders(_cgroup_parents())


def remove_node(record: Record) -> None:
    """Kill a node and remove its interface, rules, cgroups and state. Calling it again does nothing.

    Raises:
        ClusterError: its processes do not die.
    """
    if not record.folder.exists():
        return
    if record.alive:
        _kill(record)
    Link(record.name, record.slot).disconnect()
    _remove_cgroups(record)
    shutil.rmtree(record.folder, ignore_errors=True)
    with locked(ROOT / "lock"):
        if not any(records()):
            _forget_machine()


def remove_dead_nodes() -> None:
    """Remove what is left of nodes whose process is gone, as after a killed test run."""
    for record in list(records()):
        if record.abandoned:
            remove_node(record)
