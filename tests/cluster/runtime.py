"""Configuration files of a node's programs, each setting with the reason why a test node differs from a normal one."""

import json
from pathlib import Path

from tests.cluster.apiserver import POD_RANGE
from tests.cluster.paths import Paths

BRIDGE = "cni0"
BRIDGE_ADDRESS = "10.244.0.1"
POD_SUBNET = "10.244.0.0/24"
REGISTRY_PORT = 5000
REGISTRY_NAME = "registry.local"
# Image references of these registries are answered by the node's own registry.
MIRRORED = ("docker.io", REGISTRY_NAME, f"{REGISTRY_NAME}:{REGISTRY_PORT}")
PAUSE_IMAGE = f"{REGISTRY_NAME}/testbed/pause:1"
# Further servers that tests start by need (see services.py): every name is known to pods and to the node from its
# start, at an address of its own, so that each can have the standard port, and refuses connections until it runs.
SERVICE_NAMES = (
    "auth.registry.local",
    "tls.registry.local",
    "other.registry.local",
    "index.local",
    "auth.index.local",
    "tls.index.local",
    "pypi.local",
)
SERVICE_ADDRESSES = {name: f"10.244.254.{number}" for number, name in enumerate(SERVICE_NAMES, 1)}
# Fixed in the programs' sources; every node mounts its own folders there.
PRIVATE_FOLDERS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log")
PODS = Path("/var/lib/kubelet/pods")
CNI_PLUGINS = "/usr/lib/cni"


def containerd(paths: Paths) -> Path:
    """containerd, with our own pause image and the node's registry as mirror of every name in ``MIRRORED``."""
    for name in MIRRORED:
        registry_hosts(paths, name, f"http://{BRIDGE_ADDRESS}:{REGISTRY_PORT}")
    root, state = paths.file("containerd"), "/run/containerd"
    return paths.write(
        "containerd.toml",
        f"""\
version = 3
root = "{root}"
state = "{state}"
[grpc]
address = "{state}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{paths.file("certs.d")}"
[plugins."io.containerd.cri.v1.runtime"]
# Root in a container has no CAP_SYS_RESOURCE to lower scores.
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_PLUGINS}"]
conf_dir = "{paths.file("cni")}"
[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
""",
    )


def cni(paths: Paths) -> Path:
    """Pod network: one bridge; NetworkPolicy is admitted but not enforced by it."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": POD_SUBNET}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    document = {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, portmap]}
    return paths.write("cni/10-bridge.conflist", json.dumps(document))


def kubelet(paths: Paths, authority: Path) -> Path:
    """kubelet on a machine that may be a container itself, with cgroups of either version."""
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": str(authority)}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [BRIDGE_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "podLogsDir": "/var/log/pods",
        # No QoS hierarchy: it would have to own the machine's cgroups.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        # The disk belongs to the machine: neither measure it nor evict pods or images because it is full.
        "localStorageCapacityIsolation": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        # Tests wait for pods to end and for mounted secrets to change; the defaults are made for thousands of pods.
        "syncFrequency": "10s",
        "shutdownGracePeriod": "0s",
    }
    return paths.write_yaml("kubelet.yaml", document)


def kube_proxy(paths: Paths, kubeconfig: Path, node: str) -> Path:
    """kube-proxy in iptables mode, leaving the connection tracking limits of the machine alone."""
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": node,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    return paths.write_yaml("kube-proxy.yaml", document)


def host_lines() -> list[str]:
    """Lines of a hosts file for every server of the test bed."""
    return [f"{address} {name}" for name, address in {REGISTRY_NAME: BRIDGE_ADDRESS, **SERVICE_ADDRESSES}.items()]


def registry_hosts(paths: Paths, reference: str, url: str, authority: Path | None = None) -> None:
    """Tell containerd where the images of a registry are; it reads this anew at every pull.

    Args:
        paths: files of the node.
        reference: the registry as image references name it.
        url: where it answers.
        authority: certificate that its own is verified with, where the machine's would not do.
    """
    # As "server" too: without it containerd asks the real registry when this one does not know an image.
    hosts = f'server = "{url}"\n[host."{url}"]\ncapabilities = ["pull", "resolve"]\n'
    paths.write(f"certs.d/{reference}/hosts.toml", hosts + (f'ca = "{authority}"\n' if authority else ""))


def coredns(paths: Paths, kubeconfig: Path, resolver: Path) -> Path:
    """CoreDNS as a process on the bridge address: one image less to build, and it is there before the first pod."""
    hosts = "\n        ".join(host_lines())
    return paths.write(
        "Corefile",
        f"""\
.:53 {{
    bind {BRIDGE_ADDRESS}
    errors
    cache 5
    hosts {{
        {hosts}
        fallthrough
    }}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        fallthrough in-addr.arpa
    }}
    forward . {resolver}
}}
""",
    )
