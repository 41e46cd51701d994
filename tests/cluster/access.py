"""How tests reach a cluster of the test bed: as administrator, as a user, or as a service account."""

from pathlib import Path
from typing import Any

from tests.cluster.binaries import binaries
from tests.cluster.certificates import Authority
from tests.cluster.kubectl import Kubectl, write_kubeconfig

ADMINISTRATORS = "system:masters"


class Access:
    """What a control plane and a node have in common.

    Attributes:
        folder: state of the cluster.
        server: URL of the API server.
        authority: issues the cluster's certificates.
        kubeconfig: administrator's kubeconfig, self-contained.
        kubectl: kubectl with the administrator's rights.
    """

    def __init__(self, folder: Path, server: str) -> None:
        """Prepare the administrator's access; the API server need not run yet."""
        self.folder, self.server = folder, server
        self.authority = Authority(folder / "pki")
        self.kubeconfig = self.kubeconfig_for("kubernetes-admin", (ADMINISTRATORS,))
        self.kubectl = Kubectl(binaries("kube") / "kubectl", self.kubeconfig)

    def kubeconfig_for(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Write a kubeconfig with a client certificate for a user, who has no rights but those tests give.

        Args:
            user: user name as RBAC subjects name it.
            groups: group names of the user.
        """
        certificate = self.authority.issue(user, groups)
        path = self.folder / f"{certificate.crt.stem}.kubeconfig"
        return write_kubeconfig(path, self.server, self.authority.certificate.crt, certificate)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig with a token of an existing service account, valid for longer than tests take."""
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration=24h").strip()
        path = self.folder / f"{namespace}.{name}.serviceaccount.kubeconfig"
        return write_kubeconfig(path, self.server, self.authority.certificate.crt, token)

    def apply(self, manifests: Any) -> str:
        """Server-side apply as the administrator."""
        return self.kubectl.apply(manifests)
