"""The operator is killed where it hurts; after a restart everything is as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import AuditLog
from benchmarks.workload import stack
from tests.cluster import ControlPlane
from tests.e2e.fixtures import install_crds
from tests.e2e.operator import OperatorProcess, eventually

pytestmark = pytest.mark.control_plane

STACKS = 200
KINDS = "deployments,services,serviceaccounts,configmaps"
OURS = "app.kubernetes.io/managed-by=llamastack-operator,llamastack.dev/stack"


@pytest.fixture(scope="module")
def control_plane_of_its_own() -> Iterator[ControlPlane]:
    """A control plane of its own: its audit log must hold nothing of other tests."""
    with ControlPlane(audit=True) as control_plane:
        install_crds(control_plane.kubectl)
        control_plane.kubectl("create", "namespace", "faults")
        yield control_plane


def children(control_plane: ControlPlane) -> dict[tuple[str, str], Any]:
    items = control_plane.kubectl.json("get", KINDS, "-n", "faults", "-l", OURS)["items"]
    return {(item["kind"], item["metadata"]["name"]): item["metadata"] for item in items}


def statuses(control_plane: ControlPlane) -> dict[str, Any]:
    items = control_plane.kubectl.json("get", "llamastacks", "-n", "faults")["items"]
    return {item["metadata"]["name"]: item["status"] for item in items if item.get("status")}


def test_killed_amid_two_hundred_creations_it_converges_and_rewrites_nothing(
    control_plane_of_its_own: ControlPlane, tmp_path: Path
) -> None:
    control_plane = control_plane_of_its_own
    audit = AuditLog(control_plane.audit_log)
    manifests = [stack("faults", f"stack-{number:03d}", number) for number in range(STACKS)]
    with OperatorProcess(control_plane.kubeconfig, tmp_path) as operator:
        control_plane.apply(manifests[: STACKS // 2])
        eventually(lambda: len(statuses(control_plane)) >= 20, patience=60)
        operator.kill()
        told, made = statuses(control_plane), children(control_plane)
        assert 0 < len(told) < STACKS, "the kill must hit amid the creations"
        control_plane.apply(manifests[STACKS // 2 :])

        audit.mark()
        operator.start()
        eventually(lambda: len(statuses(control_plane)) == STACKS, patience=180)
        time.sleep(3)

        after = children(control_plane)
        assert len(after) == 4 * STACKS, "no object is missing and none is double"
        assert {key: after[key]["uid"] for key in made} == {key: made[key]["uid"] for key in made}
        requests = audit.objects("patch", "llamastack-operator", "kopf")
        rewritten = {(resource, name) for resource, name in requests if (resource, name) in plural(made)}
        assert rewritten == set(), "children that were right were written again"
        retold = {name for resource, name in requests if resource == "llamastacks" and name in told}
        now = statuses(control_plane)
        assert all(now[name] != told[name] for name in retold), "statuses that were right were written again"


def plural(made: dict[tuple[str, str], Any]) -> set[tuple[str, str]]:
    return {(f"{kind.lower()}s", name) for kind, name in made}
