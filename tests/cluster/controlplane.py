"""A real API server with etcd and the controller manager, for tests that need objects but no running pods.

Schema and CEL validation, server-side apply, RBAC, admission, watches and garbage collection are the API server's
own; no fake has them right. It needs no root, is ready in seconds, and many run side by side.
"""

import json
import shutil
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.access import Access
from tests.cluster.apiserver import AUDIT_POLICY, Settings, api_server, controller_manager, etcd, scheduler
from tests.cluster.binaries import binaries
from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import KubectlError
from tests.cluster.processes import Processes, last_lines


class ControlPlane(Access):
    """etcd, kube-apiserver, kube-controller-manager and optionally kube-scheduler; a context manager.

    Attributes:
        audit_log: JSON lines of every finished request at level Metadata; empty unless ``audit`` was asked for.
        processes: the running programs and their logs.
    """

    def __init__(
        self,
        *,
        audit: bool = False,
        scheduler: bool = False,
        settings: Settings | None = None,
        folder: Path | None = None,
    ) -> None:
        """Describe a control plane; ``start`` or ``with`` runs it.

        Args:
            audit: write an audit log.
            scheduler: run kube-scheduler too; without a node it has nothing to do.
            settings: addresses and extra flags, for the control plane of a node.
            folder: where to keep state; a temporary folder, removed at the end, by default.

        Raises:
            CannotRunError: Go or openssl is missing.
        """
        self._audit, self._scheduler = audit, scheduler
        self._kube = binaries("kube")
        self._settings = settings or Settings.on_loopback()
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="control-plane-"))
        self.processes = Processes(self.folder / "logs")
        self.audit_log = self.folder / "audit.log"
        self.audit_log.touch()
        super().__init__(self.folder, self._settings.url)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Start everything and wait until the API server and the controllers serve.

        Raises:
            ClusterError: a part did not start; the message holds the end of its log.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        kube, settings, run = str(self._kube / "kube"), self._settings, self.processes
        run.start("etcd", [kube, *etcd(settings, self.folder)])
        self._start_api_server()
        run.start("kube-controller-manager", [kube, *controller_manager(settings, self.authority, self.kubeconfig)])
        if self._scheduler:
            # As itself, not as an administrator: admission policies tell users apart.
            run.start("kube-scheduler", [kube, *scheduler(self.kubeconfig_for("system:kube-scheduler"))])
        run.wait_until("kube-controller-manager", self._controllers_work)

    def _start_api_server(self) -> None:
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        audit = (policy, self.audit_log) if self._audit else None
        kube = str(self._kube / "kube")
        self.processes.start("kube-apiserver", [kube, *api_server(self._settings, self.authority, audit)])
        self.processes.wait_until("kube-apiserver", self._ready)

    def restart_api_server(self) -> None:
        """Start the API server anew: it remembers nothing of events before."""
        self.processes.end("kube-apiserver")
        self._start_api_server()

    def halt(self) -> None:
        """Stop everything and keep the state; ``start`` goes on with it."""
        self.processes.stop()

    def compact(self) -> None:
        """Have etcd forget all versions but the newest of each object, as the API server does every five minutes."""
        revision = int(self._etcd("kv/range", {"key": "AA=="})["header"]["revision"])
        self._etcd("kv/compaction", {"revision": str(revision), "physical": True})

    def _etcd(self, path: str, body: dict[str, Any]) -> Any:
        url = f"http://127.0.0.1:{self._settings.etcd_port}/v3/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=30) as answer:
            return json.load(answer)

    @property
    def store(self) -> Path:
        """Folder of etcd's data; to be copied or replaced only while everything is halted."""
        return self.folder / "etcd"

    def _ready(self) -> bool:
        if self.processes.ended() == "etcd":
            raise ClusterError(f"etcd ended; end of its log:\n{last_lines(self.processes.log('etcd'))}")
        return self._answers("get", "--raw", "/readyz")

    def _controllers_work(self) -> bool:
        """Say whether the controllers have made the default service account, which every pod needs."""
        return self._answers("-n", "default", "get", "serviceaccount", "default")

    def _answers(self, *arguments: str) -> bool:
        try:
            self.kubectl(*arguments, timeout=10)
        except KubectlError:
            return False
        return True

    def stop(self) -> None:
        """Stop everything and remove the state, unless a folder was given. Calling it again does nothing."""
        self.processes.stop()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
