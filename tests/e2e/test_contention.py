"""Nobody is fought with: what somebody changes again and again is told, and set back once a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.e2e.fixtures import grant_rights
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane


def finding(stacks: Stacks, name: str) -> Any:
    stacks.condition(name, "Ready", "False", "Contended")
    (found,) = stacks.kubectl.json("get", "llamastack", name)["status"]["findings"]
    return found


def test_an_autoscaler_of_ones_own_is_named_and_not_fought_with(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("scaled", server={"replicas": 1}))
    stacks.settled("scaled")
    scaled = 0
    for _ in range(30):
        stacks.kubectl("scale", "deployment", "scaled", "--replicas", "3")
        scaled += 1
        time.sleep(0.2)
        if stacks.conditions("scaled")["Ready"]["reason"] == "Contended":
            break
    assert 3 <= scaled < 30
    found = finding(stacks, "scaled")
    assert (found["reason"], found["path"]) == ("Contended", "spec.server.replicas")
    assert "'kubectl' changes spec.replicas of Deployment 'scaled' again and again" in found["message"]
    assert stacks.conditions("scaled")["Stalled"]["status"] == "False", "it may pass"
    stacks.kubectl("scale", "deployment", "scaled", "--replicas", "3")
    stacks.patch("scaled", '{"spec": {"server": {"replicas": 3}}}')
    stacks.condition("scaled", "Ready", "False", "Progressing")


def test_two_operators_that_render_differently_write_a_few_times_and_say_so(
    stacks: Stacks, served: ControlPlane, tmp_path: Path
) -> None:
    names = [f"shared-{number}" for number in range(3)]
    for name in names:
        stacks.kubectl.apply(minimal(name))
        stacks.settled(name)
    namespace = stacks.kubectl.json("get", "llamastack", names[0])["metadata"]["namespace"]
    kubeconfig = grant_rights(served)
    with OperatorProcess(kubeconfig, tmp_path, "--namespace", namespace, "--progress-deadline", "3601"):
        for name in names:
            found = eventually(lambda name=name: finding(stacks, name))
            assert "another LlamaStack operator" in found["message"]
        before = generations(stacks)
        time.sleep(10)
        assert sum(generations(stacks)) - sum(before) <= 2 * len(names), "each may set its own back once a minute"
    assert max(generations(stacks)) < 20


def generations(stacks: Stacks) -> list[int]:
    """Return how often each Deployment was changed."""
    return [item["metadata"]["generation"] for item in stacks.kubectl.json("get", "deployments")["items"]]
