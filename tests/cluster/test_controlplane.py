"""The control plane of the test bed behaves as a real API server; the operator's tests rely on it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cluster import ControlPlane, Kubectl, KubectlError, eventually

pytestmark = pytest.mark.control_plane

WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.testbed.example.com"},
    "spec": {
        "group": "testbed.example.com",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}},
                                "x-kubernetes-validations": [
                                    {"rule": "self.low <= self.high", "message": "low must not exceed high"}
                                ],
                            }
                        },
                    }
                },
            }
        ],
    },
}


def config_map(manager_key: str) -> dict[str, object]:
    """A ConfigMap with one key."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": {manager_key: "set"}}


def test_server_side_apply_keeps_the_fields_of_other_managers(kubectl: Kubectl) -> None:
    for manager in ("alice", "bob"):
        kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=config_map(manager))

    assert kubectl.json("get", "configmap", "shared")["data"] == {"alice": "set", "bob": "set"}


def test_cel_rules_of_a_custom_resource_are_enforced(kubectl: Kubectl) -> None:
    kubectl.apply(WIDGETS)
    kubectl("wait", "crd/widgets.testbed.example.com", "--for=condition=Established", "--timeout=30s")
    widget = {"apiVersion": "testbed.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}

    with pytest.raises(KubectlError, match="low must not exceed high"):
        kubectl.apply({**widget, "spec": {"low": 2, "high": 1}})
    kubectl.apply({**widget, "spec": {"low": 1, "high": 2}})


def test_a_user_has_only_the_rights_that_a_role_gives(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    jane = Kubectl(kubectl.program, control_plane.kubeconfig_for("jane", ("developers",)), kubectl.namespace)
    with pytest.raises(KubectlError, match='User "jane" cannot list resource "configmaps"'):
        jane("get", "configmaps")

    kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps")
    kubectl("create", "rolebinding", "readers", "--role=reader", "--group=developers")

    kubectl("create", "configmap", "visible")
    assert "visible" in eventually(lambda: jane("get", "configmaps"))


def test_a_service_account_kubeconfig_authenticates_as_that_account(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("create", "serviceaccount", "robot")
    robot = Kubectl(kubectl.program, control_plane.service_account_kubeconfig(namespace, "robot"))

    assert f"system:serviceaccount:{namespace}:robot" in robot("auth", "whoami")


def test_namespaces_admit_no_privileged_pod(kubectl: Kubectl) -> None:
    container = {"name": "c", "image": "example.com/c", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=30s")

    with pytest.raises(KubectlError, match="violates PodSecurity"):
        kubectl("create", "-f", "-", stdin=pod)


def test_every_finished_request_is_in_the_audit_log(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "audited")

    events = [json.loads(line) for line in control_plane.audit_log.read_text().splitlines()]
    created = [event for event in events if event["verb"] == "create" and event["objectRef"].get("name") == "audited"]
    assert [event["stage"] for event in created] == ["ResponseComplete"]


def test_two_control_planes_run_side_by_side_and_leave_nothing(control_plane: ControlPlane) -> None:
    with ControlPlane() as other:
        other.kubectl("create", "namespace", "only-there")
        folder = other.folder
        with pytest.raises(KubectlError, match="not found"):
            control_plane.kubectl("get", "namespace", "only-there")

    assert not folder.exists()
    assert str(folder) not in running_commands()


def running_commands() -> str:
    """Command lines of all processes of this machine."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_part_that_cannot_start_is_reported_with_its_log(tmp_path: Path) -> None:
    broken = ControlPlane(folder=tmp_path / "state")
    (tmp_path / "state" / "etcd").write_text("a file where etcd wants its folder")

    with pytest.raises(Exception, match=r"(?s)etcd ended.*end of its log.*etcd"):
        broken.start()
