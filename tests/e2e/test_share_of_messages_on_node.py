"""The kubelet has 12 KiB for the termination messages of all containers of a pod, and cuts each to its share.

A stack whose pods install at their start has four containers, and a mesh adds two: then a share is what a report has at
most, and it is read whole, whatever the others have written.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llamastack_contract.limits import MESSAGE_BYTES
from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import StartReport
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.building import PATIENCE, echo_stack, pods, publish
from tests.e2e.mesh import PROXY, SETUP, mesh
from tests.e2e.operator import Stacks, eventually
from tests.e2e.test_node import wait_ready
from tests.packages.providers import module_package

pytestmark = pytest.mark.node

KUBELETS_SHARE = 12 * 1024 // 6
PROVIDERS = [f"a-provider-with-a-name-of-{number}" for number in range(6)]
IDLE = """from pydantic import BaseModel

class Config(BaseModel): ...

class Idle:
    async def initialize(self): ...
    async def shutdown(self): ...

async def get_adapter_impl(config, deps):
    return Idle()
"""


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace."""
    return Stacks(node_kubectl)


def idle_stack(build: dict[str, Any]) -> dict[str, Any]:
    """Return a stack of providers that implement nothing: a report of all that they lack is longer than its room."""
    body = echo_stack("idle", "demo_idle==1.0", build)
    config = body["spec"]["runConfig"]
    entry = {"provider_type": "remote::idle", "module": "demo_idle==1.0", "config": {}}
    config |= {"apis": ["safety"], "providers": {"safety": [{"provider_id": name, **entry} for name in PROVIDERS]}}
    return body


def containers(stacks: Stacks) -> dict[str, Any]:
    """Return the status of each container of the only pod."""
    (pod,) = pods(stacks, "idle")
    spec, status = pod["spec"], pod["status"]
    asked = [one["name"] for one in (*spec["initContainers"], *spec["containers"])]
    told = {one["name"]: one for key in ("initContainerStatuses", "containerStatuses") for one in status[key]}
    assert len(asked) == 6
    return {name: told[name] for name in asked}


def message(container: Any) -> str:
    """Return what a container said when it ended last."""
    ended = container["state"].get("terminated") or container["lastState"]["terminated"]
    return str(ended["message"])


def checked(stacks: Stacks, verdict: str) -> StartReport:
    """Wait for a pod with a report that has this verdict, and return that; it has every line that it was given."""

    def said() -> StartReport:
        found = containers(stacks)
        text = message(found[CHECK])
        assert {len(message(found[name])) for name in (SETUP, PROXY)} == {KUBELETS_SHARE}
        assert all(json.loads(line) for line in text.splitlines())
        assert KUBELETS_SHARE - 300 < len(text.encode()) <= MESSAGE_BYTES == KUBELETS_SHARE
        report = StartReport.parse(text)
        assert report is not None
        assert report.verdict == verdict
        assert report.to_text() == text
        return report

    found: StartReport = eventually(said, PATIENCE)
    return found


def test_six_containers_leave_a_report_whole(installed: Node, stacks: Stacks, tmp_path: Path) -> None:
    spec = 'remote(Api.safety, "idle", "demo_idle.impl", [])'
    publish(tmp_path, module_package("demo-idle", spec, demo_idle__impl_py=IDLE))
    with mesh(stacks.kubectl), installed.start_index("index.local", tmp_path) as index:
        body = idle_stack({"pip": {"indexUrl": index.simple}})
        stacks.kubectl.apply(body)
        failed = checked(stacks, "Failed")
        told = stacks.condition("idle", "ProtocolCompliant", "False", "MissingMethod")
        agree(stacks, failed)
        assert any(one.message in told["message"] for one in failed.findings)
        assert stacks.conditions("idle")["Ready"]["reason"] == "MissingMethod"

        # The server starts all the same, so that all six have run.
        body["spec"]["startup"] = {"compliance": {"missing": "Warning"}}
        stacks.kubectl.apply(body)
        wait_ready(stacks, "idle")
        agree(stacks, checked(stacks, "Passed"))
        assert "running" in containers(stacks)["server"]["state"]


def agree(stacks: Stacks, report: StartReport) -> None:
    """The status has all that the report has, and counts what had no room in that."""
    status = stacks.kubectl.json("get", "llamastack", "idle")["status"]
    assert status["startCheck"]["report"] == report.to_text()
    reported = Counter((one.severity, one.reason) for one in report.findings if one.severity != "info")
    assert Counter((one["severity"], one["reason"]) for one in status["findings"]) == reported
    left_out = report.errors + report.warnings - reported.total()
    assert left_out > 0
    assert status["omittedFindings"] == left_out
    rows = {one["id"]: one["state"] for one in status["providers"]}
    assert rows.keys() == set(PROVIDERS)
    assert all(rows[one.id] == one.state for one in report.providers)
