"""The node of the test bed runs pods as a real one does, and leaves nothing behind."""

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ClusterError, Kubectl, eventually
from tests.cluster.cleanup import cgroups
from tests.cluster.fixtures import own_node
from tests.cluster.images import PYTHON_IMAGE, STARTER_IMAGE
from tests.cluster.node import Node
from tests.cluster.state import ROOT

pytestmark = pytest.mark.node

RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

# kube-proxy follows a ready pod with a delay, in which connections to the Service are refused.
FETCH_WEB = """
import time, urllib.request
for attempt in range(50):
    try:
        print(urllib.request.urlopen("http://web/", timeout=5).status)
        break
    except OSError:
        time.sleep(0.2)
"""


def pod(name: str, *command: str, image: str = PYTHON_IMAGE) -> dict[str, Any]:
    """A pod that the restricted Pod Security Standard admits."""
    container = {"name": "main", "image": image, "command": list(command), "securityContext": RESTRICTED}
    metadata = {"name": name, "labels": {"app": name}}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def run_to_the_end(kubectl: Kubectl, name: str, *command: str, image: str = PYTHON_IMAGE) -> str:
    """Run a pod until it succeeds and return its output."""
    kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    kubectl("create", "-f", "-", stdin=pod(name, *command, image=image))
    kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
    return kubectl("logs", name)


@pytest.fixture
def web(node_kubectl: Kubectl) -> Iterator[str]:
    """ClusterIP of a Service called ``web`` in front of one Python web server."""
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    port = {"port": 80, "targetPort": 8000}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    server = pod("web", "python", "-m", "http.server", "8000", "--directory", "/etc/ssl")
    probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    server["spec"]["containers"][0]["readinessProbe"] = probe
    node_kubectl.apply([server, {**service, "spec": {"selector": {"app": "web"}, "ports": [port]}}])
    node_kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=120s")
    yield node_kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")


def test_a_restricted_pod_runs_to_completion(node_kubectl: Kubectl) -> None:
    output = run_to_the_end(node_kubectl, "hello", "python", "-c", "import sys; print(sys.version_info[:2])")

    assert output == "(3, 13)\n"


def test_a_pod_reaches_a_service_by_name(node_kubectl: Kubectl, web: str) -> None:
    assert run_to_the_end(node_kubectl, "client", "python", "-c", FETCH_WEB) == "200\n"


def test_the_node_and_the_machine_reach_a_service_by_cluster_ip(node: Node, web: str) -> None:
    fetch = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"http://{web}/"]
    assert eventually(lambda: node.exec(fetch).stdout, retry=ClusterError) == "200"

    if not node.link.has_service_route():
        pytest.skip("another node of this machine has the route to the Service addresses")
    with urllib.request.urlopen(f"http://{web}/", timeout=20) as answer:
        assert answer.status == 200


def test_pods_reach_the_registry_by_its_name(node_kubectl: Kubectl) -> None:
    fetch = "import urllib.request as r; print(r.urlopen('http://registry.local:5000/v2/_catalog', timeout=20).read())"

    assert "library/python" in run_to_the_end(node_kubectl, "catalog", "python", "-c", fetch)


def test_kubectl_exec_runs_in_the_container(node_kubectl: Kubectl, web: str) -> None:
    assert node_kubectl("exec", "web", "--", "id", "-u") == "1000\n"


def test_the_starter_distribution_holds_llama_stack(node_kubectl: Kubectl) -> None:
    version = "from importlib.metadata import version as v; print(v('llama-stack'), v('llama-stack-api'))"

    assert run_to_the_end(node_kubectl, "starter", "python", "-c", version, image=STARTER_IMAGE) == "0.7.3 0.7.3\n"


def test_stopping_a_node_leaves_nothing() -> None:
    with own_node("gone") as node:
        node.kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
        node.kubectl("create", "-f", "-", stdin=pod("sleeper", "sleep", "1000"))
        node.kubectl("wait", "pod/sleeper", "--for=condition=Ready", "--timeout=120s")
        name, link = node.name, node.link
        namespace = Path(f"/proc/{node.record.first_process()}/ns/pid").readlink()
        assert namespaces().count(namespace) > 10
        pods_cgroups = cgroups(node.record)
        assert pods_cgroups
        node.stop()
        node.stop()

    assert namespace not in namespaces()
    assert not (ROOT / name).exists()
    assert str(ROOT / name) not in Path("/proc/self/mountinfo").read_text()
    assert link.outside_name not in subprocess.check_output(["ip", "link"], text=True)
    assert f"llamastack-test-{name} " not in subprocess.check_output(["iptables-save"], text=True)
    assert not [path for path in pods_cgroups if path.exists()]


def namespaces() -> list[Path]:
    """PID namespace of every process of this machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "ns/pid").readlink())
        except OSError:
            continue  # ended meanwhile
    return found


def test_a_killed_node_is_removed_before_the_next_one_starts() -> None:
    with own_node("killed") as node:
        os.kill(node.record.pid, 9)
        while node.record.alive:
            os.waitpid(node.record.pid, os.WNOHANG)
            time.sleep(0.05)
        folder = node.record.folder
        with own_node("next"):
            assert not folder.exists()
