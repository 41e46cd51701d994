"""The first process of a node: it runs inside the node's namespaces and starts everything else there.

When this process dies the kernel kills every other process of the PID namespace, and with the last process the mounts,
interfaces and iptables rules of the other namespaces vanish. That is the whole clean-up of a node.
"""

import os
import subprocess
import time
from pathlib import Path

from tests.cluster import runtime
from tests.cluster.apiserver import POD_RANGE, SERVICE_RANGE, Settings
from tests.cluster.binaries import binaries
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import write_kubeconfig
from tests.cluster.network import Link, command, interface_exists
from tests.cluster.paths import Paths
from tests.cluster.processes import last_lines
from tests.cluster.registry import write_registry
from tests.cluster.spread import make_spread
from tests.cluster.state import Record

API_PORT = 6443
SYSTEM_NODES = "system:nodes"


def _mount(*arguments: str | Path) -> None:
    command("mount", *map(str, arguments))


def _mount_private_folders(folder: Path) -> None:
    """Hide the machine's folders in which runtimes keep sockets, pods and logs by fixed names."""
    _mount("-t", "tmpfs", "tmpfs", "/run")
    for path in runtime.PRIVATE_FOLDERS:
        own = folder / "private" / path.strip("/").replace("/", "-")
        own.mkdir(parents=True, exist_ok=True)
        _mount("--bind", own, path)
    make_spread(runtime.PODS)
    # The resolver of the machine may be a link into its /run, so the outside has copied it.
    _mount("--bind", folder / "resolv.conf", "/etc/resolv.conf")
    hosts = folder / "hosts"
    hosts.write_text("\n".join([Path("/etc/hosts").read_text(), *runtime.host_lines(), ""]))
    _mount("--bind", hosts, "/etc/hosts")


def _mount_registry(folder: Path, images: Path) -> Path:
    """Lay the node's own pushes over the cached images, which stay as they are."""
    upper, work, storage = (folder / "registry" / name for name in ("upper", "work", "storage"))
    for path in (upper, work, storage):
        path.mkdir(parents=True)
    _mount("-t", "overlay", "overlay", "-o", f"lowerdir={images},upperdir={upper},workdir={work}", storage)
    return storage


def _make_bridge() -> None:
    """Make the pods' bridge before anything binds its address; no address of the cluster may leave the machine."""
    command("ip", "link", "add", runtime.BRIDGE, "type", "bridge")
    command("ip", "address", "add", f"{runtime.BRIDGE_ADDRESS}/24", "dev", runtime.BRIDGE)
    command("ip", "link", "set", runtime.BRIDGE, "up")
    for address in runtime.SERVICE_ADDRESSES.values():
        command("ip", "address", "add", f"{address}/32", "dev", runtime.BRIDGE)
    # Processes of the node need some route to a Service before kube-proxy's rules see the packet.
    command("ip", "route", "add", SERVICE_RANGE, "dev", runtime.BRIDGE)
    command("ip", "route", "add", "unreachable", POD_RANGE)


def _start(record: Record, folder: Path) -> ControlPlane:
    link, paths = Link(record.name, record.slot), Paths(folder)
    _mount_private_folders(folder)
    while not interface_exists(link.inside_name):
        time.sleep(0.05)
    link.configure_inside()
    _make_bridge()
    settings = Settings(link.inside, "0.0.0.0", API_PORT, 2379, 2380, pods=True)
    plane = ControlPlane(audit=True, scheduler=True, settings=settings, folder=folder)
    storage = _mount_registry(folder, Path(record.images))
    configuration = write_registry(paths.file("registry.yaml"), storage, f":{runtime.REGISTRY_PORT}")
    plane.processes.start("registry", ["docker-registry", "serve", str(configuration)])
    _start_runtime(plane, paths)
    plane.start()
    _start_node_programs(plane, paths, record.name)
    return plane


def _start_runtime(plane: ControlPlane, paths: Paths) -> None:
    programs = binaries("containerd")
    runtime.cni(paths)
    # The shim is looked up on PATH.
    environment = {**os.environ, "PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"}
    argv = [str(programs / "containerd"), "--config", str(runtime.containerd(paths))]
    plane.processes.start("containerd", argv, environment)


def _start_node_programs(plane: ControlPlane, paths: Paths, name: str) -> None:
    kube = str(binaries("kube") / "kube")
    dns = runtime.coredns(paths, plane.kubeconfig, paths.file("resolv.conf"))
    plane.processes.start("coredns", [kube, "coredns", "-conf", str(dns)])
    identity = plane.authority.issue(f"system:node:{name}", (SYSTEM_NODES,))
    kubeconfig = paths.file("kubelet.kubeconfig")
    write_kubeconfig(kubeconfig, plane.server, plane.authority.certificate.crt, identity)
    configuration = runtime.kubelet(paths, plane.authority.certificate.crt)
    flags = [f"--config={configuration}", f"--kubeconfig={kubeconfig}", f"--hostname-override={name}"]
    place = [f"--node-ip={plane.server.split('//')[1].split(':')[0]}", "--root-dir=/var/lib/kubelet"]
    plane.processes.start("kubelet", [kube, "kubelet", *flags, *place])
    proxy = runtime.kube_proxy(paths, plane.kubeconfig, name)
    plane.processes.start("kube-proxy", [kube, "kube-proxy", f"--config={proxy}"])


def _reap_orphans(own: set[int]) -> None:
    """Collect ended processes whose parents are gone, as the first process of a PID namespace must."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in own:
            return
        os.waitpid(ended.si_pid, 0)


def run(folder: Path) -> None:
    """Start the node described in ``folder`` and stay until one of its parts ends.

    Raises:
        ClusterError: a part did not start or ended; the message holds the end of its log.
    """
    plane = _start(Record.load(folder), folder)
    own = plane.processes.pids()
    while True:
        name = plane.processes.ended()
        if name is not None:
            raise ClusterError(f"{name} ended; end of its log:\n{last_lines(plane.processes.log(name))}")
        _reap_orphans(own)
        time.sleep(0.5)


def main(folder: Path) -> int:
    """Run the node; errors go to the node's own log."""
    try:
        run(folder)
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        print(f"node failed: {error}", flush=True)
    return 1
