"""Runs the operator as its own process against a cluster, as it runs in production but for the pod around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.node import Node

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds that a test waits for what should come at once, on a busy machine."""


class OperatorProcess:
    """`python -m llamastack_operator` with a kubeconfig.

    Args:
        kubeconfig: the identity that it runs under.
        folder: where its log goes.
        arguments: further arguments.
    """

    def __init__(self, kubeconfig: Path, folder: Path, *arguments: str) -> None:
        self._kubeconfig = kubeconfig
        self._arguments = arguments
        self.log = folder / "operator.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until its caches are in step."""
        started = self.log.stat().st_size if self.log.exists() else 0
        self.launch()

        def in_step() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()
            return "caches are in step" in self.log.read_text()[started:]

        eventually(in_step)

    def launch(self) -> None:
        """Start it and wait for nothing."""
        command = [sys.executable, "-m", "llamastack_operator", "--health-port", "0", "--log-format", "text"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments],
                env={**os.environ, "KUBECONFIG": str(self._kubeconfig)},
                stdout=log,
                stderr=log,
            )

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process.

        Raises:
            LookupError: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise LookupError("no operator runs")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def peak_memory(self) -> int:
        """Return the most MiB of resident memory that it and the processes that it has started ever had, added up."""
        assert self._process is not None
        return sum(map(_peak_memory, _with_children(self._process.pid)))


def _with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(found for child in children for found in _with_children(int(child)))]


def _peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def eventually(check: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Call `check` until it returns something true, and return that; its last failure is the test's.

    An AssertionError, a KubectlError, or a KeyError, IndexError or ValueError (there is not just one) in `check` means
    "not yet".
    """
    end = time.monotonic() + patience
    while True:
        try:
            result = check()
            if result or time.monotonic() > end:
                assert result, f"{check} never became true"
                return result
        except (AssertionError, KubectlError, KeyError, IndexError, ValueError):
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


class Stacks:
    """LlamaStacks of one namespace, as a user sees them.

    Args:
        kubectl: kubectl for that namespace.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl

    def get(self, kind: str, name: str) -> Any:
        """Return an object, or None where there is none."""
        try:
            return self.kubectl.json("get", kind, name)
        except KubectlError as error:
            if "NotFound" in error.stderr:
                return None
            raise

    def conditions(self, name: str) -> dict[str, Any]:
        """Return the conditions of a stack, by type, once they are about its current generation."""
        body = self.kubectl.json("get", "llamastack", name)
        assert body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]
        return {condition["type"]: condition for condition in body["status"]["conditions"]}

    def condition(self, name: str, kind: str, status: str, reason: str) -> Any:
        """Wait until a condition has this status and reason, and return it."""

        def reached() -> Any:
            found = self.conditions(name)[kind]
            assert (found["status"], found["reason"]) == (status, reason), found
            return found

        return eventually(reached)

    def settled(self, name: str) -> Any:
        """Wait until the newest generation of a stack was looked at and return the stack."""
        eventually(lambda: self.conditions(name))
        return self.kubectl.json("get", "llamastack", name)

    def patch(self, name: str, patch: str) -> None:
        """Merge a JSON patch into a stack."""
        self.kubectl("patch", "llamastack", name, "--type", "merge", "-p", patch)


def volume_by_hand(node: Node, name: str) -> dict[str, Any]:
    """Return a volume as an administrator makes it, whose folder is made: the node has no storage provisioner.

    It is a local volume, since hostPath knows no fsGroup: what runs as an ordinary user could not write there.
    """
    path = f"/run/{name}"
    node.exec(["mkdir", "-p", path])
    exists = {"key": "kubernetes.io/hostname", "operator": "Exists"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "by-hand",
            "persistentVolumeReclaimPolicy": "Delete",
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [exists]}]}},
        },
    }
