"""The starter image of the test bed is a real Llama Stack: the example of this repository starts in it, in a pod."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import ClusterError, Kubectl, eventually
from tests.cluster.images import STARTER_IMAGE
from tests.cluster.node import Node
from tests.cluster.test_node import pod

pytestmark = pytest.mark.node

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.yaml"


def manifests() -> list[dict[str, Any]]:
    """A ConfigMap with the example's run configuration, and a restricted pod that runs it."""
    run_config = yaml.safe_load(EXAMPLE.read_text())["spec"]["runConfig"]
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "run-config"}}
    server = pod("server", "llama", "stack", "run", "/etc/llama-stack/config.yaml", image=STARTER_IMAGE)
    container = server["spec"]["containers"][0]
    container["env"] = [
        {"name": "MODEL_SERVER_URL", "value": "http://model-server:8000/v1"},
        {"name": "HOME", "value": "/var/lib/llama-stack"},
    ]
    container["volumeMounts"] = [
        {"name": "config", "mountPath": "/etc/llama-stack"},
        {"name": "state", "mountPath": "/var/lib/llama-stack"},
    ]
    container["readinessProbe"] = {"httpGet": {"path": "/v1/health", "port": 8321}, "periodSeconds": 2}
    server["spec"]["securityContext"] = {"fsGroup": 1000}
    server["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "run-config"}},
        {"name": "state", "emptyDir": {}},
    ]
    return [{**config_map, "data": {"config.yaml": yaml.safe_dump(run_config)}}, server]


def test_the_quickstart_configuration_serves_its_providers(node: Node, node_kubectl: Kubectl) -> None:
    node_kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")
    node_kubectl.apply(manifests())
    node_kubectl("wait", "pod/server", "--for=condition=Ready", "--timeout=180s")
    address = node_kubectl("get", "pod", "server", "-o", "jsonpath={.status.podIP}")

    fetch = ["curl", "--silent", "--fail", "--max-time", "10", f"http://{address}:8321/v1/providers"]
    answer = json.loads(eventually(lambda: node.exec(fetch).stdout, retry=ClusterError))

    assert sorted(provider["provider_type"] for provider in answer["data"]) == ["inline::localfs", "remote::vllm"]
