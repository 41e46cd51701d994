"""Registries and indexes that tests start inside a node: reached as real ones are, refused and broken as real ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ClusterError, Kubectl
from tests.cluster.buildah import machine_authorities, machine_index
from tests.cluster.node import Node
from tests.cluster.pods import container_status
from tests.cluster.registries import docker_config
from tests.cluster.services import Login
from tests.cluster.test_node import pod, run_to_the_end
from tests.cluster.wheels import write_wheel

pytestmark = pytest.mark.node

ROBOT = Login()
PUSH = """
import base64, hashlib, sys, urllib.request
url, login, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
headers = {"Content-Type": "application/octet-stream"}
if login:
    headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
def ask(method, url, data=None):
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=20)
blob = bytes(size)
try:
    place = ask("POST", f"{url}/v2/team/x/blobs/uploads/").headers["Location"]
    ask("PUT", f"{place}&digest=sha256:{hashlib.sha256(blob).hexdigest()}", blob)
    print("pushed")
except urllib.error.HTTPError as error:
    print("refused", error.code)
except OSError as error:
    print("broken")
"""


def push(node: Node, *arguments: str) -> str:
    """Push one blob from the node and return what became of it."""
    return node.exec([sys.executable, "-c", PUSH, *arguments]).stdout.strip()


def pip_download(name: str, requirement: str, *options: str, ca: str = "", **spec: Any) -> list[dict[str, Any]]:
    """A pod that downloads a package, and the ConfigMap with its certificates."""
    trust = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"ca.crt": ca}}
    argv = ("python", "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--dest", "/tmp", requirement, *options)
    body = pod(name, *argv, *(["--cert", "/ca/ca.crt"] if ca else []))
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "ca", "mountPath": "/ca"}]
    body["spec"].update(spec, volumes=[{"name": "ca", "configMap": {"name": name}}])
    return [trust, body]


def outcome(kubectl: Kubectl, manifests: list[dict[str, Any]]) -> tuple[int, str]:
    """Run a pod to its end and return its exit status and its output."""
    kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    kubectl.apply(manifests)
    name = manifests[-1]["metadata"]["name"]
    kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", "--timeout=120s")
    status = container_status(kubectl, name, "main")["state"]["terminated"]["exitCode"]
    return status, kubectl("logs", name)


def test_a_registry_with_a_password_takes_pushes_of_those_who_know_it(node: Node, node_kubectl: Kubectl) -> None:
    with node.start_registry("auth.registry.local", login=ROBOT) as registry:
        login = f"{ROBOT.user}:{ROBOT.password}"

        assert push(node, registry.url, "", "10") == "refused 401"
        assert push(node, registry.url, "robot:guess", "10") == "refused 401"
        pushed = run_to_the_end(node_kubectl, "pusher", "python", "-c", PUSH, registry.url, login, "10")
        assert pushed == "pushed\n"
        assert registry.stored_bytes() == 10


def test_a_registry_that_is_read_only_refuses_pushes(node: Node) -> None:
    with node.start_registry("other.registry.local", read_only=True) as registry:
        assert push(node, registry.url, "", "10") == "refused 405"


def test_a_registry_can_fail_in_the_middle_of_a_push_and_come_back(node: Node) -> None:
    with node.start_registry("other.registry.local") as registry:
        registry.restart_failing_after(1_000_000)
        assert push(node, registry.url, "", "2000000") == "broken"
        assert push(node, registry.url, "", "10") == "broken"
        registry.stop()
        registry.start()
        assert push(node, registry.url, "", "2000000") == "pushed"


def test_the_node_pulls_with_a_pull_secret_from_a_registry_with_tls_and_a_password(
    node: Node, node_kubectl: Kubectl
) -> None:
    with node.start_registry("tls.registry.local", tls=True, login=ROBOT, images=True) as registry:
        server = pod("puller", "true", image=f"{registry.host}/library/python:3.13-slim")
        server["spec"]["containers"][0]["imagePullPolicy"] = "Always"
        node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
        node_kubectl.apply(server)
        waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
        node_kubectl("wait", "pod/puller", f"--for={waiting}=ErrImagePull", "--timeout=30s")
        node_kubectl("delete", "pod", "puller")
        server["spec"]["imagePullSecrets"] = [{"name": "pull"}]
        node_kubectl.apply([docker_config("pull", {registry.host: ROBOT}), server])
        node_kubectl("wait", "pod/puller", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")


def test_a_wiped_registry_is_empty_and_runs_on(node: Node) -> None:
    with node.start_registry("other.registry.local", images=True) as registry:
        assert "3.13-slim" in registry.tags("library/python")
        registry.wipe()
        assert registry.tags("library/python") == []


def test_an_index_serves_a_folder_of_wheels_to_those_who_know_the_password(
    node: Node, node_kubectl: Kubectl, tmp_path: Path
) -> None:
    write_wheel(tmp_path, "my-provider", "1.0", {"my_provider/__init__.py": ""})
    with node.start_index("tls.index.local", tmp_path, tls=True, login=ROBOT) as index:
        address = f"https://{ROBOT.user}:{ROBOT.password}@{index.name}/simple"
        options = ("--index-url", address, "--retries", "0")

        status, output = outcome(node_kubectl, pip_download("strange", "my-provider", *options))
        assert status != 0
        assert "CERTIFICATE_VERIFY_FAILED" in output
        status, output = outcome(node_kubectl, pip_download("known", "My.Provider==1.0", *options, ca=index.ca))
        assert status == 0, output
        assert "robot GET /simple/my-provider/ 200" in index.requests()
        assert index.status("/simple/other/") == "404"


def test_a_mirror_serves_what_this_machine_can_get_and_keeps_it(node: Node, node_kubectl: Kubectl) -> None:
    with node.start_mirror() as mirror:
        options = ("--index-url", mirror.simple, "--trusted-host", mirror.name)
        status, output = outcome(node_kubectl, pip_download("six", "six==1.17.0", *options))

        assert status == 0, output
        assert list(mirror.wheels.glob("*/files/*-six-1.17.0-py2.py3-none-any.whl"))


@pytest.mark.parametrize("policy", ["ClusterFirst", "Default"])
def test_pods_reach_the_package_index_of_this_machine(node_kubectl: Kubectl, policy: str) -> None:
    options = ("--index-url", machine_index())
    download = pip_download("six", "six==1.17.0", *options, ca=machine_authorities(), dnsPolicy=policy)
    status, output = outcome(node_kubectl, download)

    assert status == 0, output


def test_a_name_is_used_by_one_server_at_a_time(node: Node) -> None:
    with node.start_registry("other.registry.local"), pytest.raises(ClusterError, match="in use"):
        node.start_registry("other.registry.local")
    with pytest.raises(ClusterError, match="there are: auth"):
        node.start_registry("no-such.local")
    with node.start_registry("other.registry.local") as registry:
        assert registry.status("/v2/") == "200"
