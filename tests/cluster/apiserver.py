"""Command lines of the control plane's programs, apart from their life cycle so that each flag can say its reason."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from tests.cluster.certificates import Authority
from tests.cluster.processes import free_port

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses of one control plane.

    Attributes:
        address: where clients reach the API server; written into its certificate and into every kubeconfig.
        bind: address the API server listens on.
        port: its TCP port.
        etcd_port: client port of etcd on loopback; ``etcd_peer_port`` is its peer port.
        pods: give every node a range of pod addresses, for a control plane that has nodes.
    """

    address: str
    bind: str
    port: int
    etcd_port: int
    etcd_peer_port: int
    pods: bool = False

    @classmethod
    def on_loopback(cls) -> Self:
        """Free ports of the loopback interface."""
        return cls("127.0.0.1", "127.0.0.1", free_port(), free_port(), free_port())

    @property
    def url(self) -> str:
        """URL of the API server."""
        return f"https://{self.address}:{self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and address the API server's certificate is made for."""
        service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
        return (*dict.fromkeys(("127.0.0.1", "localhost", KUBERNETES_SERVICE, self.address)), *service)


def etcd(settings: Settings, folder: Path) -> list[str]:
    """Arguments of etcd; a test cluster needs no durability, so it does not wait for the disk."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (settings.etcd_port, settings.etcd_peer_port))
    return [
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _advertised(address: str) -> list[str]:
    """Endpoint of the Service "kubernetes"; loopback may not be one, and without pods nobody asks for it."""
    if not ip_address(address).is_loopback:
        return [f"--advertise-address={address}", "--endpoint-reconciler-type=lease"]
    # An address for documentation (RFC 5737): without any, a machine with no default route fails to start.
    return ["--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none"]


def api_server(settings: Settings, authority: Authority, audit: tuple[Path, Path] | None) -> list[str]:
    """Arguments of kube-apiserver; ``audit`` is the policy file and the log file, or None."""
    server = authority.issue("kube-apiserver", names=settings.names)
    to_kubelet = authority.issue("kube-apiserver-kubelet-client", ("system:masters",))
    key = authority.signing_key()
    return [
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{settings.etcd_port}",
        f"--bind-address={settings.bind}",
        f"--secure-port={settings.port}",
        *_advertised(settings.address),
        "--authorization-mode=Node,RBAC",
        f"--client-ca-file={authority.certificate.crt}",
        f"--tls-cert-file={server.crt}",
        f"--tls-private-key-file={server.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={to_kubelet.crt}",
        f"--kubelet-client-key={to_kubelet.key}",
        # Node names do not resolve here; "kubectl logs" and "exec" go by address.
        "--kubelet-preferred-address-types=InternalIP",
        # The log is put aside at 100 MB, and a gigabyte of it is enough.
        *(
            [f"--audit-policy-file={audit[0]}", f"--audit-log-path={audit[1]}", "--audit-log-maxbackup=9"]
            if audit
            else []
        ),
    ]


def controller_manager(settings: Settings, authority: Authority, kubeconfig: Path) -> list[str]:
    """Arguments of kube-controller-manager."""
    return [
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        # No port of its own: health is seen through what the controllers do, and ports would clash.
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials",
        # The default of 20 requests per second makes the controllers' own start take five seconds.
        "--kube-api-qps=300",
        "--kube-api-burst=600",
        f"--root-ca-file={authority.certificate.crt}",
        f"--cluster-signing-cert-file={authority.certificate.crt}",
        f"--cluster-signing-key-file={authority.certificate.key}",
        f"--service-account-private-key-file={authority.signing_key()}",
        *(["--allocate-node-cidrs", f"--cluster-cidr={POD_RANGE}"] if settings.pods else []),
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    """Arguments of kube-scheduler."""
    return ["kube-scheduler", f"--kubeconfig={kubeconfig}", "--secure-port=0", "--leader-elect=false"]
