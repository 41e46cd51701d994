"""An operator for some namespaces only, with Roles instead of a ClusterRole; and one that is there before its CRD."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.e2e.fixtures import account, grant_rights, install_crds
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal
from tests.support.used_rights import UsedRights

pytestmark = pytest.mark.control_plane


def test_it_waits_for_its_crd_and_keeps_to_its_namespaces(tmp_path: Path, used_rights: UsedRights) -> None:
    with ControlPlane(audit=True) as control_plane:
        for name in ("ours", "also-ours", "theirs"):
            control_plane.kubectl("create", "namespace", name)
        kubeconfig = grant_rights(control_plane, "--set", "watchNamespaces={ours,also-ours}", within="ours")
        assert "llamastack-operator" not in control_plane.kubectl("get", "clusterroles", "-o", "name")
        operator = OperatorProcess(kubeconfig, tmp_path, "--namespace", "ours", "--namespace", "also-ours")
        operator.launch()
        try:
            eventually(lambda: "apply the CustomResourceDefinitions" in operator.log.read_text())
            install_crds(control_plane.kubectl)
            eventually(lambda: "caches are in step" in operator.log.read_text())
            for name in ("ours", "also-ours", "theirs"):
                control_plane.kubectl.within(name).apply(minimal("bot"))
            for name in ("ours", "also-ours"):
                Stacks(control_plane.kubectl.within(name)).condition("bot", "Ready", "False", "Progressing")
            assert "status" not in control_plane.kubectl.json("get", "llamastack", "bot", "-n", "theirs")
        finally:
            assert operator.stop() == 0
        assert "Traceback" not in operator.log.read_text()
        used_rights.add(control_plane.audit_log, account("operator"))
