"""A whole one-node cluster that runs pods, inside namespaces of its own; needs root, but no container runtime.

Everything a node leaves behind when it is killed (shims, mounts, veths, iptables rules) lives in one mount, PID and
network namespace. Stopping the node is killing the first process in there.
"""

import re
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster import cleanup
from tests.cluster.access import Access
from tests.cluster.binaries import binaries
from tests.cluster.buildah import push
from tests.cluster.errors import ClusterError
from tests.cluster.images import ensure_images
from tests.cluster.indexes import Index, mirror_of_this_machine
from tests.cluster.inside import API_PORT
from tests.cluster.kubectl import KubectlError
from tests.cluster.launch import REPOSITORY, has_own_network, launch, write_resolver
from tests.cluster.network import SLOTS, Link
from tests.cluster.packages import install_packages, need_root
from tests.cluster.processes import die_with_parent, last_lines
from tests.cluster.registries import Registry
from tests.cluster.runtime import PRIVATE_FOLDERS, REGISTRY_PORT
from tests.cluster.services import Login, Server
from tests.cluster.state import ROOT, Record, reserve

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class Node(Access):
    """One running node; a context manager that starts and stops it.

    Attributes:
        name: name of the node, in Kubernetes too.
        link: its addresses; ``link.inside`` reaches every port of the node from this machine.
        registry: ``host:port`` of its registry for this machine (plain HTTP); pods say ``registry.local:5000``.
        audit_log: JSON lines of every finished request.
    """

    def __init__(self, record: Record) -> None:
        """Reach the node of a record; see ``create`` and ``find``."""
        self.record, self.name = record, record.name
        self.link = Link(record.name, record.slot)
        self.registry = f"{self.link.inside}:{REGISTRY_PORT}"
        self.audit_log = record.folder / "audit.log"
        super().__init__(record.folder, f"https://{self.link.inside}:{API_PORT}")

    @classmethod
    def create(cls, name: str) -> Self:
        """Prepare a node that does not run yet: packages, binaries, images, addresses.

        Args:
            name: a DNS label of at most 40 characters, unique on this machine.

        Raises:
            CannotRunError: not root, or Go is missing.
            ClusterError: the name is malformed or taken.
        """
        if not _NAME.fullmatch(name):
            raise ClusterError(f"{name!r} is no name for a node: use at most 40 of a-z, 0-9 and '-'")
        need_root("a node")
        install_packages()
        for program in ("kube", "containerd"):
            binaries(program)
        images = ensure_images()
        cleanup.remove_dead_nodes()
        return cls(reserve(name, images, SLOTS))

    @classmethod
    def find(cls, name: str) -> Self:
        """Return the running node of that name.

        Raises:
            ClusterError: there is none.
        """
        folder = ROOT / name
        record = Record.load(folder) if (folder / "node.json").exists() else None
        if record is None or not record.alive:
            raise ClusterError(f"no node {name} is up; start it with: python -m tests.cluster up --name {name}")
        return cls(record)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, *, daemon: bool = False) -> Self:
        """Start the node and wait until it is Ready.

        Args:
            daemon: let the node live on when this process ends.

        Raises:
            ClusterError: a part did not start; the message holds the end of its log.
        """
        try:
            cleanup.remember_machine()
            write_resolver(self.folder)
            for path in PRIVATE_FOLDERS:
                Path(path).mkdir(parents=True, exist_ok=True)
            process = launch(self.folder, daemon)
            self.record = self.record.with_process(process.pid)
            self.record.save()
            self._wait(process, lambda: has_own_network(process.pid), 10)
            self.link.connect(process.pid)
            self._wait(process, self._ready, 120)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait(self, process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None:
                raise ClusterError(f"the node {self.name} ended:\n{last_lines(self.folder / 'logs/node.log', 40)}")
            if time.monotonic() > deadline:
                raise ClusterError(f"the node {self.name} was not ready after {seconds:.0f} s:\n{self._evidence()}")
            time.sleep(0.2)

    def _condition(self, field: str) -> str:
        path = f"jsonpath={{.status.conditions[?(@.type=='Ready')].{field}}}"
        with suppress(KubectlError, subprocess.TimeoutExpired):
            return self.kubectl("get", "node", self.name, "-o", path, timeout=10)
        return ""

    def _ready(self) -> bool:
        return self._condition("status") == "True"

    def _evidence(self) -> str:
        logs = ("node", "kubelet", "containerd", "kube-apiserver")
        ends = (f"--- {name}\n{last_lines(self.folder / f'logs/{name}.log', 8)}" for name in logs)
        return "\n".join((self._condition("message") or "the node did not register", *ends))

    def exec(
        self, argv: Sequence[str], *, check: bool = True, stdin: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine inside the node's namespaces.

        Raises:
            ClusterError: the command failed and ``check`` is set.
        """
        pid = str(self.record.first_process())
        enter = ["nsenter", "--target", pid, "--mount", "--pid", "--net", "--"]
        result = subprocess.run(
            [*enter, *argv], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and result.returncode:
            raise ClusterError(f"{' '.join(argv)} in node {self.name}: {result.stderr.strip()}")
        return result

    def spawn(self, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program of this machine inside the node; it ends with the returned process, and with the node.

        Args:
            argv: the command.
            log: file that its output is added to.
        """
        enter = ["nsenter", "--target", str(self.record.first_process()), "--mount", "--pid", "--net"]
        with log.open("ab") as output:
            return subprocess.Popen(
                # Ending nsenter would leave the program running.
                [*enter, f"--wd={REPOSITORY}", "--", "setpriv", "--pdeathsig", "KILL", "--", *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )

    def push(self, tag: str) -> None:
        """Push a locally built image (see ``images.build_image``) to this node's registry."""
        push(tag, self.registry)

    def start_registry(
        self,
        name: str,
        *,
        login: Login | None = None,
        tls: bool = False,
        images: bool = False,
        read_only: bool = False,
    ) -> Registry:
        """Start a further registry in this node; ``with`` takes it away at the end.

        Args:
            name: one of ``runtime.SERVICE_NAMES``.
            login: who may use it; everybody by default.
            tls: HTTPS on port 443, by an authority of its own (``ca``), which containerd trusts; else HTTP on 5001.
            images: hold the images of the test bed from its start; else empty.
            read_only: refuse every push.
        """
        options = {"tls": tls, "images": images, "read_only": read_only}
        return self._started(Registry(self, name, login=login, **options))

    def start_index(self, name: str, wheels: Path, *, login: Login | None = None, tls: bool = False) -> Index:
        """Start a package index over a folder of wheels and source distributions.

        Args:
            name: one of ``runtime.SERVICE_NAMES``.
            wheels: the folder; files that are added later are found.
            login: who may use it; everybody by default.
            tls: HTTPS on port 443, by an authority of its own (``ca``); else HTTP on 80.
        """
        return self._started(Index(self, name, wheels, login=login, tls=tls))

    def start_mirror(self, name: str = "pypi.local") -> Index:
        """Start an index of every package that this machine can get; what was asked for once is kept in the cache."""
        return self._started(mirror_of_this_machine(self, name))

    @staticmethod
    def _started[S: Server](server: S) -> S:
        try:
            return server.start()
        except BaseException:
            server.close()
            raise

    def stop(self) -> None:
        """Kill the node and remove all that it added to the machine. Calling it again does nothing."""
        cleanup.remove_node(self.record)
