"""The cluster of an existing kubeconfig, with the same methods as the test bed's own control plane.

Whoever has a cluster at hand, with another version or another CNI, can run the same tests against it.
"""

import base64
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from tests.cluster.binaries import binaries
from tests.cluster.errors import CannotRunError, ClusterError
from tests.cluster.kubectl import Kubectl

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


class ExternalCluster:
    """A cluster that somebody else runs; users are made through its own certificate signing API."""

    def __init__(self, kubeconfig: Path) -> None:
        """Use the cluster of ``kubeconfig``, whose user must be a cluster administrator.

        Raises:
            CannotRunError: the file does not exist.
        """
        if not kubeconfig.is_file():
            raise CannotRunError(f"KUBECONFIG names {kubeconfig}, which is not a file")
        self.kubeconfig = kubeconfig
        self.kubectl = Kubectl(binaries("kube") / "kubectl", kubeconfig)
        # Removed with this object.
        self._temporary = tempfile.TemporaryDirectory(prefix="external-cluster-")
        self.folder = Path(self._temporary.name)

    @property
    def audit_log(self) -> Path:
        """There is none to read on a foreign cluster."""
        raise CannotRunError("the cluster of KUBECONFIG gives no access to its audit log")

    def exec(self, argv: Sequence[str], **_: Any) -> NoReturn:
        """Nothing of ours can be run inside a foreign node."""
        raise CannotRunError(f"the cluster of KUBECONFIG gives no access to its nodes, needed for: {' '.join(argv)}")

    def push(self, tag: str) -> NoReturn:
        """Images get into a foreign cluster's registry by its own ways."""
        raise CannotRunError(f"the cluster of KUBECONFIG has no registry of the test bed to push {tag} to")

    def start_registry(self, name: str, **_: Any) -> NoReturn:
        """No server of ours can be run inside a foreign node."""
        raise CannotRunError(f"the cluster of KUBECONFIG can run no registry {name} of the test bed")

    def start_index(self, name: str, *_: Any, **__: Any) -> NoReturn:
        """No server of ours can be run inside a foreign node."""
        raise CannotRunError(f"the cluster of KUBECONFIG can run no package index {name} of the test bed")

    def start_mirror(self, name: str = "pypi.local") -> NoReturn:
        """No server of ours can be run inside a foreign node."""
        self.start_index(name)

    def kubeconfig_for(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Write a kubeconfig with a client certificate for a user, signed by the cluster."""
        key = self.folder / "user.key"
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        request = subprocess.run(
            ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", subject],
            capture_output=True,
            check=True,
        ).stdout
        name = f"llamastack-test-{uuid.uuid4().hex[:8]}"
        spec = {"request": base64.b64encode(request).decode(), "signerName": CLIENT_SIGNER, "usages": ["client auth"]}
        kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
        self.kubectl.apply({**kind, "metadata": {"name": name}, "spec": spec})
        try:
            self.kubectl("certificate", "approve", name)
            self.kubectl("wait", f"csr/{name}", "--for=jsonpath={.status.certificate}", "--timeout=30s")
            certificate = self.kubectl.json("get", "csr", name)["status"]["certificate"]
        finally:
            self.kubectl("delete", "csr", name)
        credentials = {
            "client-certificate-data": certificate,
            "client-key-data": base64.b64encode(key.read_bytes()).decode(),
        }
        return self._with_user(name, credentials)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig with a token of an existing service account."""
        return self._with_user(
            f"{namespace}.{name}",
            {"token": self.kubectl("create", "token", name, "-n", namespace, "--duration=24h").strip()},
        )

    def _with_user(self, stem: str, credentials: dict[str, str]) -> Path:
        arguments = ("config", "view", "--raw", "--minify", "--flatten")
        document: dict[str, Any] = yaml.safe_load(self.kubectl(*arguments))
        if not document.get("users"):
            raise ClusterError(f"{self.kubeconfig} has no current user")
        document["users"][0]["user"] = credentials
        path = self.folder / f"{stem}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document))
        return path
