"""What `make demo` breaks, on a real node: both copies are told for what they are, and the first one serves on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scripts.demo_broken import show
from scripts.demo_cluster import Cluster
from scripts.demo_copies import LACKING, MISSPELT
from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import index_settings
from tests.cluster.node import Node
from tests.e2e.building import example, wait_ready
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks
from tests.matrix import full_matrix

pytestmark = pytest.mark.node


@full_matrix
def test_the_copies_are_told_while_the_first_one_serves_on_and_are_gone_after_the_show(
    installed: Node, node_kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks = Stacks(node_kubectl)
    settings, objects = index_settings()
    bodies = example({"repository": f"registry.local:5000/{node_kubectl.namespace}/demo", **settings})
    detector = yaml.safe_load_all((REPOSITORY / "examples" / "detector.yaml").read_text())
    node_kubectl.apply([*objects, *detector, *bodies])
    stack: dict[str, Any] = next(body for body in bodies if body["kind"] == "LlamaStack")
    wait_ready(stacks, stack["metadata"]["name"])
    node_kubectl("rollout", "status", "deployment/detector", "--timeout=120s")

    command = [str(node_kubectl.program), "--kubeconfig", str(node_kubectl.kubeconfig)]
    show(Cluster(command, [], str(node_kubectl.namespace)), stack)

    printed = capsys.readouterr().out
    assert "ProvidersResolved=False UnknownProviderType" in printed
    assert "did you mean remote::vllm" in printed
    assert "ProtocolCompliant=False MissingMethod" in printed
    assert "run_shield" in printed
    assert "external-provider serves on, in the same pod, and both providers answer:" in printed
    assert not {MISSPELT, LACKING} & {
        item["metadata"]["name"] for item in stacks.kubectl.json("get", "llamastacks")["items"]
    }
