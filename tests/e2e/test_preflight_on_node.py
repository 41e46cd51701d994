"""A stack whose volume makes rollouts Recreate, on a real node: what its preflight proves keeps the old pod serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually, volume_by_hand
from tests.e2e.test_node import SLOW, events, pod_names, polled, service_url, wait_ready
from tests.e2e.test_start_on_node import CANARY, PROVIDER, code, row, stack, status

pytestmark = pytest.mark.node


def claimed() -> dict[str, Any]:
    body = stack()
    body["spec"]["server"]["storage"] = {"size": "1Gi", "storageClassName": "by-hand"}
    return body


def test_a_missing_method_is_told_before_the_old_pod_is_stopped_and_mending_it_rolls_out(
    installed: Node, node_kubectl: Kubectl, tmp_path: Path
) -> None:
    node_kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
    stacks = Stacks(node_kubectl)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": CANARY}}
    volume = volume_by_hand(installed, str(node_kubectl.namespace))
    stacks.kubectl.apply(volume)
    try:
        stacks.kubectl.apply([secret, code(), claimed()])
        wait_ready(stacks)
        assert stacks.get("deployment", "quickstart")["spec"]["strategy"]["type"] == "Recreate"
        serving = pod_names(stacks)
        with polled(installed, service_url(stacks), tmp_path) as seen:
            stacks.kubectl.apply(code(body="del Mine.run_shield"))
            told = eventually(lambda: _refused(stacks), SLOW)
            assert told["message"].startswith("found by a preflight, and no pod was stopped: ")
            assert PROVIDER in told["message"]
            assert "run_shield" in told["message"]
            conditions = stacks.conditions("quickstart")
            assert (conditions["Stalled"]["status"], conditions["Stalled"]["reason"]) == ("True", "MissingMethod")
            assert conditions["ProtocolCompliant"]["status"] == "False"
            assert (conditions["Available"]["status"], conditions["Available"]["reason"]) == (
                "True",
                "OldRevisionServes",
            )
            assert row(stacks)["state"] == "NonCompliant"
            assert eventually(lambda: [one for one in events(stacks) if one["reason"] == "MissingMethod"])
            assert pod_names(stacks) == serving
        assert seen["failures"] == [], "no client ever saw a preflight's pod, nor a gap"
        assert seen["answers"] > 20

        stacks.kubectl.apply(code(body="raise ConnectionError('no backend')"))
        eventually(lambda: _state(stacks) == "Unproven", SLOW)
        eventually(lambda: [one for one in events(stacks) if one["reason"] == "PreflightUnproven"])
        eventually(lambda: pod_names(stacks) and not pod_names(stacks) & serving, SLOW)

        stacks.kubectl.apply(code(body="print('mended')"))
        wait_ready(stacks)
        assert row(stacks)["state"] == "Ready"
        stacks.kubectl.apply(code(body="print('changed')"))
        eventually(lambda: _state(stacks) == "Passed", SLOW)
        wait_ready(stacks)
        assert status(stacks).get("findings", []) == []
        eventually(lambda: not stacks.kubectl.json("get", "jobs")["items"])
    finally:
        stacks.kubectl("delete", "llamastack", "quickstart", "--wait=true", "--ignore-not-found")
        stacks.kubectl("delete", "pvc", "--all", "--wait=false")
        stacks.kubectl("delete", "pv", volume["metadata"]["name"], "--wait=false")


def _refused(stacks: Stacks) -> Any:
    found = stacks.conditions("quickstart")["Ready"]
    assert (found["status"], found["reason"]) == ("False", "MissingMethod"), found
    return found


def _state(stacks: Stacks) -> Any:
    return status(stacks).get("preflight", {}).get("state")
