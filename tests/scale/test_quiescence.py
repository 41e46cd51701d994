"""An operator with nothing to do does nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measure import AuditLog
from benchmarks.workload import stack
from tests.cluster import ControlPlane
from tests.e2e.fixtures import install_crds
from tests.e2e.operator import OperatorProcess, eventually

pytestmark = pytest.mark.control_plane

STACKS = 200
SECONDS = 60
AGENTS = ("llamastack-operator", "kopf")


@pytest.fixture(scope="module")
def quiet_control_plane() -> Iterator[ControlPlane]:
    """A control plane of its own: its audit log must hold nothing of other tests."""
    with ControlPlane(audit=True) as control_plane:
        install_crds(control_plane.kubectl)
        control_plane.kubectl("create", "namespace", "quiet")
        yield control_plane


def settled(control_plane: ControlPlane) -> bool:
    items = control_plane.kubectl.json("get", "llamastacks", "-n", "quiet")["items"]
    generations = [item.get("status", {}).get("observedGeneration") for item in items]
    return generations == [1] * STACKS


def without_watches(counts: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {request: count for request, count in counts.items() if request[0] != "watch"}


def test_two_hundred_settled_stacks_cost_no_request_and_a_restart_no_write(
    quiet_control_plane: ControlPlane, tmp_path: Path
) -> None:
    control_plane = quiet_control_plane
    audit = AuditLog(control_plane.audit_log)
    with OperatorProcess(control_plane.kubeconfig, tmp_path) as operator:
        control_plane.apply([stack("quiet", f"stack-{number:03d}", number) for number in range(STACKS)])
        eventually(lambda: settled(control_plane), patience=120)
        still(audit)
        audit.mark()
        time.sleep(SECONDS)
        assert without_watches(audit.requests(*AGENTS)) == {}

        operator.kill()
        audit.mark()
        operator.start()
        still(audit)
        requests = without_watches(audit.requests(*AGENTS))
        # Discovery answers without a resource; lists are the start of the watches.
        assert {verb for verb, resource in requests if resource != "-"} == {"list"}


def still(audit: AuditLog) -> None:
    """Wait until the operator has sent nothing for three seconds."""

    def nothing_new() -> bool:
        before = audit.requests(*AGENTS)
        time.sleep(3)
        return without_watches(audit.requests(*AGENTS)) == without_watches(before)

    eventually(nothing_new, patience=120)
