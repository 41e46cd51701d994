"""What users are shown first serves on a real node, as it is written, and beside a stack that was made to do harm.

`examples/quickstart.yaml` is the stack of `test_node.py`, and `examples/external-provider.yaml` that of
`test_build_on_node.py`. Packages that the others name and nobody publishes are stand-ins; what an example asks of a
cluster that the test bed has not (other nodes, a storage class, a sandbox) is left out, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import index_settings
from tests.cluster.node import Node
from tests.e2e.building import BASE, held, publish, served_providers, wait_ready
from tests.e2e.installation import NAMESPACE, REPOSITORY
from tests.e2e.operator import Stacks
from tests.matrix import full_matrix
from tests.packages.shown import OLLAMA, TOOLS, WEATHER
from tests.support.documented import blocks, shown
from tests.support.minimal import minimal

pytestmark = pytest.mark.node

MODEL_SERVER = REPOSITORY / "examples" / "model-server.yaml"
NOT_HERE = {
    *("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "autoscaling", "imagePullSecrets"),
    *("storage", "serviceAccountName", "podTemplate"),
}
"""What `examples/full.yaml` asks of the nodes and of further parts of a cluster."""


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace."""
    return Stacks(node_kubectl)


@pytest.fixture
def build(node: Node, stacks: Stacks, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Build settings with the machine's own index, and beside it one with the packages that the examples name."""
    publish(tmp_path, OLLAMA, WEATHER, TOOLS)
    found, objects = index_settings()
    stacks.kubectl.apply(objects)
    with node.start_index("pypi.local", tmp_path) as index:
        pip = {**found.get("pip", {}), "extraIndexUrls": [index.simple], "constraints": ["ollama==0.6.3"]}
        repository = f"registry.local:5000/{stacks.kubectl.namespace}/shown"
        yield held({**found, "pip": pip, "repository": repository}, "0.7.3")


def first_of_readme(replicas: int = 2) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(blocks("README.md")[0])
    body["spec"]["server"]["replicas"] = replicas
    return body


def apply_model_server(stacks: Stacks, name: str) -> None:
    stacks.kubectl.apply(list(yaml.safe_load_all(MODEL_SERVER.read_text().replace("model-server", name))))


def test_the_first_manifest_of_readme_serves(node: Node, stacks: Stacks) -> None:
    apply_model_server(stacks, "vllm")
    stacks.kubectl.apply(first_of_readme())
    assert wait_ready(stacks, "support-bot")["status"]["readyReplicas"] == 2
    assert served_providers(node, stacks, "support-bot") == {("vllm", "remote::vllm")}


def test_a_stack_serves_beside_one_whose_text_was_made_to_stop_the_operator(node: Node, stacks: Stacks) -> None:
    """A `module:` of 3,000 blanks took a backtracking expression hours; here also while the operator starts."""
    blanks = {"provider_id": "a", "provider_type": "remote::a", "module": f"a{' ' * 3000}!"}
    stacks.kubectl.apply(minimal("hostile", runConfig={"version": 2, "providers": {"inference": [blanks]}}))
    operators = stacks.kubectl.within(NAMESPACE)
    operators("delete", "pod", "--all", "--wait=true")
    apply_model_server(stacks, "vllm")
    stacks.kubectl.apply(first_of_readme(replicas=1))
    wait_ready(stacks, "support-bot")
    stacks.condition("hostile", "Ready", "False", "RequirementInvalid")
    (pod,) = operators.json("get", "pods")["items"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_the_example_of_a_provider_of_ones_own_serves(node: Node, stacks: Stacks, build: dict[str, Any]) -> None:
    """As its comment says: an image without the code has `packages`."""
    files, stack = shown("examples/external-spec.yaml")
    stack["spec"]["distribution"]["image"] = BASE
    stack["spec"]["externalProviders"][0]["packages"] = ["my-ollama-provider==1.2"]
    stacks.kubectl.apply([files, {**stack, "spec": {**stack["spec"], "build": build}}])
    wait_ready(stacks, "custom-ollama")
    assert served_providers(node, stacks, "custom-ollama") == {("mine", "remote::custom_ollama")}


@full_matrix
@pytest.mark.parametrize("name", ["full", "full-otherwise"])
def test_the_example_with_every_field_serves(node: Node, stacks: Stacks, build: dict[str, Any], name: str) -> None:
    bodies = shown("examples/full.yaml")
    (stack,) = [body for body in bodies if body["metadata"]["name"] == name]
    server = {key: value for key, value in stack["spec"]["server"].items() if key not in NOT_HERE}
    server.pop("podDisruptionBudget")
    asked = stack["spec"].get("build", {}).get("pip", {}).get("requirements", [])
    pip = {**build["pip"], "requirements": asked}
    stack["spec"] |= {"server": {**server, "replicas": 1}, "build": {**build, "pip": pip}}
    apply_model_server(stacks, "model-server")
    stacks.kubectl.apply([stack, *(body for body in bodies if body["kind"] == "ConfigMap")])
    wait_ready(stacks, name)
    assert served_providers(node, stacks, name) == {("model-server", "remote::vllm")}
