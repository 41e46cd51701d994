"""What befalls pods: evictions, killed containers; done to them as a cluster would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cluster.binaries import binaries

if TYPE_CHECKING:
    from tests.cluster.kubectl import Kubectl
    from tests.cluster.node import Node


def evict(kubectl: Kubectl, pod: str) -> None:
    """Evict a pod through the Eviction API, as a drain does; its Job sees the condition DisruptionTarget.

    Args:
        kubectl: kubectl for the pod's namespace.
        pod: its name.
    """
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": kubectl.namespace}}
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


def container_status(kubectl: Kubectl, pod: str, container: str) -> dict[str, Any]:
    """Return the status of a container or init container.

    Raises:
        KeyError: the pod's status does not know it.
    """
    status = kubectl.json("get", "pod", pod)["status"]
    listed = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    found: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in listed}
    return found[container]


def kill_container(node: Node, kubectl: Kubectl, pod: str, container: str, signal: str = "SIGKILL") -> None:
    """Kill a running container behind the kubelet's back.

    Args:
        node: the node that runs it.
        kubectl: kubectl for the pod's namespace.
        pod: name of the pod.
        container: name of the container or init container.
        signal: what its first process gets.
    """
    identity = container_status(kubectl, pod, container)["containerID"].removeprefix("containerd://")
    ctr = str(binaries("containerd") / "ctr")
    node.exec([ctr, "--namespace", "k8s.io", "tasks", "kill", "--signal", signal, identity])
