"""What befalls pods on the node of the test bed is what befalls them elsewhere: OOM, full disks, evictions, kills."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Kubectl, eventually
from tests.cluster.images import PYTHON_IMAGE
from tests.cluster.node import Node
from tests.cluster.pods import container_status, evict, kill_container
from tests.cluster.test_node import RESTRICTED, pod

pytestmark = pytest.mark.node

EAT = "x = [bytearray(8 << 20) for _ in range(100)]"
EAT_IN_A_CHILD = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {EAT!r}]).returncode != 0)"
FILL = """
try:
    with open("/work/file", "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno)
"""


def job(name: str, *command: str) -> dict[str, Any]:
    """A Job of one restricted pod that is tried once more when it fails."""
    body = pod(name, *command)
    template = {"metadata": {"labels": {"app": name}}, "spec": body["spec"]}
    kind = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
    return {**kind, "spec": {"backoffLimit": 1, "template": template}}


def running_pod_of(kubectl: Kubectl, name: str, other_than: str = "") -> str:
    """Wait until a pod of a Job is ready and return its name."""

    def ready() -> str:
        for found in kubectl.json("get", "pods", "-l", f"app={name}")["items"]:
            states = {entry["type"]: entry["status"] for entry in found["status"].get("conditions", ())}
            if found["metadata"]["name"] != other_than and states.get("Ready") == "True":
                return str(found["metadata"]["name"])
        raise LookupError(f"no pod of {name} is ready")

    return eventually(ready, 60, retry=LookupError)


@pytest.mark.parametrize("code", [EAT, EAT_IN_A_CHILD], ids=["itself", "a child"])
def test_an_init_container_beyond_its_memory_limit_is_told_as_oom_killed(node_kubectl: Kubectl, code: str) -> None:
    """A child too: pip starts programs, and the container then ends by itself with status 1."""
    body = pod("hungry", "true")
    hungry = {
        "name": "install",
        "image": PYTHON_IMAGE,
        "command": ["python", "-c", code],
        "securityContext": RESTRICTED,
    }
    body["spec"]["initContainers"] = [{**hungry, "resources": {"limits": {"memory": "64Mi"}}}]
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    node_kubectl.apply(body)
    node_kubectl("wait", "pod/hungry", "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")

    assert container_status(node_kubectl, "hungry", "install")["state"]["terminated"]["reason"] == "OOMKilled"


def test_a_volume_in_memory_is_full_at_its_size_limit(node_kubectl: Kubectl) -> None:
    body = pod("writer", "python", "-c", FILL)
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "work", "mountPath": "/work"}]
    body["spec"]["volumes"] = [{"name": "work", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}]
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    node_kubectl.apply(body)
    node_kubectl("wait", "pod/writer", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")

    assert node_kubectl("logs", "writer") == "28\n"


def test_an_evicted_pod_of_a_job_is_replaced(node_kubectl: Kubectl) -> None:
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    node_kubectl.apply(job("sleeper", "sleep", "1000"))
    first = running_pod_of(node_kubectl, "sleeper")
    evict(node_kubectl, first)

    assert running_pod_of(node_kubectl, "sleeper", other_than=first)


def test_a_killed_container_ends_with_the_status_of_its_signal(node: Node, node_kubectl: Kubectl) -> None:
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    node_kubectl.apply(pod("victim", "sleep", "1000"))
    node_kubectl("wait", "pod/victim", "--for=condition=Ready", "--timeout=60s")
    kill_container(node, node_kubectl, "victim", "main")
    node_kubectl("wait", "pod/victim", "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")

    assert container_status(node_kubectl, "victim", "main")["state"]["terminated"]["exitCode"] == 137
