"""What the operator cannot be told by a watch: deletes while it was cut off, and a store that was set back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import AuditLog
from tests.cluster import ControlPlane
from tests.cluster.kubectl import Kubectl
from tests.e2e.fixtures import OPERATOR_IMAGE, install_crds
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.faults.gate import Gate
from tests.matrix import full_matrix
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

AGENTS = ("llamastack-operator", "kopf")
WRITES = ("create", "patch", "update", "delete")
BUILD = {
    "runConfig": {
        "version": 2,
        "providers": {
            "inference": [{"provider_id": "a", "provider_type": "remote::a", "module": "my-mod==1", "config": {}}]
        },
    },
    "build": {"repository": "registry.example/team/stack"},
}


@pytest.fixture
def own_control_plane() -> Iterator[ControlPlane]:
    """A control plane of its own, which these tests stop."""
    with ControlPlane(audit=True) as control_plane:
        install_crds(control_plane.kubectl)
        control_plane.kubectl("create", "namespace", "faults")
        yield control_plane


def stacks_of(control_plane: ControlPlane) -> Stacks:
    return Stacks(control_plane.kubectl.within("faults"))


def writes(audit: AuditLog, *names: str) -> list[tuple[str, str, str]]:
    """Return what the operator wrote for stacks of these names: their objects' names begin with them."""
    found = [(verb, *one) for verb in WRITES for one in audit.objects(verb, *AGENTS)]
    return [one for one in found if one[2].startswith(names) or one[1] in ("llamastackbuilds", "jobs")]


def is_empty(kubectl: Kubectl) -> bool:
    kinds = "deployments,services,llamastackbuilds,jobs"
    return bool(not kubectl.json("get", kinds)["items"])


@full_matrix
def test_stacks_that_are_deleted_while_the_operator_is_cut_off_cost_nothing_afterwards(
    own_control_plane: ControlPlane, tmp_path: Path
) -> None:
    """Settled, edited, and with a build: etcd is compacted meanwhile, and the API server has forgotten all events."""
    control_plane, stacks = own_control_plane, stacks_of(own_control_plane)
    audit = AuditLog(control_plane.audit_log)
    names = ("settled", "edited", "building")
    with Gate(control_plane.server) as gate:
        kubeconfig = gate.kubeconfig(control_plane.kubeconfig)
        with OperatorProcess(kubeconfig, tmp_path, "--operator-image", OPERATOR_IMAGE) as operator:
            for name in names[:2]:
                stacks.kubectl.apply(minimal(name))
            stacks.kubectl.apply(minimal("building", **BUILD))
            for name in names:
                stacks.settled(name)
            eventually(lambda: stacks.kubectl.json("get", "jobs")["items"])

            gate.cut()
            stacks.patch("edited", '{"spec": {"server": {"replicas": 2}}}')
            stacks.kubectl("delete", "llamastacks", "--all")
            control_plane.compact()
            control_plane.restart_api_server()
            eventually(lambda: is_empty(stacks.kubectl), patience=60)
            gate.open()

            log = operator.log
            eventually(lambda: all(f"faults/{name} was deleted" in log.read_text() for name in names), patience=60)
            time.sleep(5)
            audit.mark()
            time.sleep(5)
            assert writes(audit, *names) == []
            assert is_empty(stacks.kubectl)
            stacks.kubectl.apply(minimal("settled"))
            eventually(lambda: stacks.get("deployment", "settled"))
            assert operator.pid


def at_rest(stacks: Stacks, *names: str) -> bool:
    """Tell whether there are just these stacks, and the newest generation of each was looked at."""
    items = stacks.kubectl.json("get", "llamastacks")["items"]
    seen = {one["metadata"]["name"] for one in items}
    return seen == set(names) and all(
        one["status"]["observedGeneration"] == one["metadata"]["generation"] for one in items
    )


def config_maps(count: int) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"cm-{number}"}} for number in range(count)]


@full_matrix
def test_a_store_that_is_set_back_ends_the_operator_and_the_next_one_puts_everything_right(
    own_control_plane: ControlPlane, tmp_path: Path
) -> None:
    """A restart of everything with its own state ends nothing."""
    control_plane, stacks = own_control_plane, stacks_of(own_control_plane)
    backup = tmp_path / "backup"
    with OperatorProcess(control_plane.kubeconfig, tmp_path) as operator:
        for name in ("kept", "edited", "deleted"):
            stacks.kubectl.apply(minimal(name))
            stacks.settled(name)
        control_plane.halt()
        shutil.copytree(control_plane.store, backup)
        control_plane.start()

        stacks.patch("edited", '{"spec": {"server": {"replicas": 2}}}')
        stacks.kubectl("delete", "llamastack", "deleted")
        stacks.kubectl.apply(minimal("later"))
        # The start of an API server writes too: what it writes must not reach the versions of before.
        stacks.kubectl.apply(config_maps(100))
        eventually(lambda: at_rest(stacks, "kept", "edited", "later"), patience=90)
        eventually(lambda: stacks.get("deployment", "deleted") is None, patience=60)
        assert operator.pid, "it is the one that was there before everything was restarted"

        control_plane.halt()
        shutil.rmtree(control_plane.store)
        shutil.copytree(backup, control_plane.store)
        control_plane.start()
        eventually(lambda: operator.exit_code == 1, patience=120)
        assert "the API server's store was set back" in operator.log.read_text()

        operator.start()
        eventually(lambda: at_rest(stacks, "kept", "edited", "deleted"), patience=60)
        for name in ("kept", "edited", "deleted"):
            assert stacks.get("deployment", name)["spec"]["replicas"] == 1
        stacks.patch("edited", '{"spec": {"server": {"replicas": 3}}}')
        eventually(lambda: stacks.get("deployment", "edited")["spec"]["replicas"] == 3)
        assert stacks.get("deployment", "later") is None
