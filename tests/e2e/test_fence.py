"""The chart's fence around the operator: what its own token is refused, whatever its roles allow.

On a control plane of its own, where the account has every right there is: so it is the fence that refuses, and not a
role. That the operator itself is refused nothing is shown by all other tests of this folder, which run behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.e2e.fixtures import OPERATOR_IMAGE, grant_rights, install_crds
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.e2e.stolen import (
    OURS,
    Body,
    autoscaler,
    body,
    budget,
    build,
    claim,
    deployment,
    job,
    owned,
    pod,
    selecting,
    service,
    with_container,
)
from tests.e2e.test_builds import only_build, with_module
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

NAMESPACE = "tenant"
NOT_HERE = "writes nothing in this namespace"
NOT_OURS = "touches nothing that is somebody else's"
NO_LABEL = "writes only what bears a label of llamastack.dev"
NO_OWNER = "writes only what a LlamaStack or LlamaStackBuild owns"
NO_KIND = "its account writes no "
TOKENS = "automountServiceAccountToken must be false"
VOLUMES = "volumes are configMap, secret, emptyDir or persistentVolumeClaim"
HOST = "pods have no part of the host"
ROOT = "pods run as no root"
PRIVILEGES = "containers drop all capabilities"
OTHERS_PODS = "selects the pods of a stack alone"
ADDRESSES = "no external names or addresses"


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the fence, whose operator has every right, and a namespace with a stack."""
    with ControlPlane() as control_plane:
        install_crds(control_plane.kubectl)
        grant_rights(control_plane)
        control_plane.kubectl(
            *("create", "clusterrolebinding", "all", "--clusterrole=cluster-admin"),
            "--serviceaccount=operator:llamastack-operator",
        )
        control_plane.kubectl("create", "namespace", NAMESPACE)
        control_plane.kubectl.within(NAMESPACE).apply(minimal("bot"))
        yield control_plane


@pytest.fixture(scope="module")
def administrator(fenced: ControlPlane) -> Kubectl:
    """kubectl of somebody who is not the operator."""
    return fenced.kubectl.within(NAMESPACE)


@pytest.fixture(scope="module")
def thief(fenced: ControlPlane) -> Kubectl:
    """kubectl with the operator's own token."""
    kubeconfig = fenced.service_account_kubeconfig("operator", "llamastack-operator")
    return Kubectl(fenced.kubectl.program, kubeconfig, NAMESPACE)


@pytest.fixture(scope="module")
def owner(administrator: Kubectl) -> Body:
    """The reference to the stack, as its controller."""
    uid = administrator.json("get", "llamastack", "bot")["metadata"]["uid"]
    kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack"}
    return {**kind, "name": "bot", "uid": uid, "controller": True}


def create(kubectl: Kubectl, one: Body, *options: str) -> None:
    kubectl("create", "-f", "-", *options, stdin=one)


def refused(words: str) -> Any:
    return pytest.raises(KubectlError, match=f"the fence of the operator: .*{words}")


TAKEN = {
    "a Deployment": deployment(),
    "a Job": job(),
    "a ConfigMap": body("v1", "ConfigMap", data={"a": "b"}),
    "an account": body("v1", "ServiceAccount", automountServiceAccountToken=False),
    "a Service": service(type="LoadBalancer"),
    "a claim": claim(),
    "a disruption budget": budget({"matchLabels": OURS}),
    "an autoscaler": autoscaler("bot-x"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_an_object_of_a_stack_is_written_and_deleted(case: str, thief: Kubectl, owner: Body) -> None:
    """What the table below changes is refused for its change, and for nothing else."""
    one = owned(TAKEN[case], owner)
    create(thief, one)
    if one["kind"] != "Job":
        patch(thief, one["kind"], "bot-x", {"metadata": {"annotations": {"a": "b"}}})
    thief("delete", one["kind"], "bot-x", "--wait=false")
    eventually(lambda: Stacks(thief).get(one["kind"], "bot-x") is None)


HOST_PATH = [{"name": "host", "hostPath": {"path": "/"}}]
API_TOKEN = [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]
UNCONFINED = {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}
REFUSED: dict[str, tuple[Body, str]] = {
    "a pod with a folder of the host": (deployment(volumes=HOST_PATH), VOLUMES),
    "a pod with a projected token": (deployment(volumes=API_TOKEN), VOLUMES),
    "a pod with its account's token": (deployment(automountServiceAccountToken=True), TOKENS),
    "a pod in the host's network": (deployment(hostNetwork=True), HOST),
    "a pod among the host's processes": (deployment(hostPID=True), HOST),
    "a pod in the host's memory": (deployment(hostIPC=True), HOST),
    "a pod on a node of one's choice": (deployment(nodeName="control-plane"), HOST),
    "a pod that may run as root": (deployment(securityContext={"runAsNonRoot": False}), ROOT),
    "a pod without seccomp": (deployment(securityContext=UNCONFINED), ROOT),
    "a privileged container": (
        deployment(**with_container(privileged=True, allowPrivilegeEscalation=True)),
        PRIVILEGES,
    ),
    "a container that gains privileges": (deployment(**with_container(allowPrivilegeEscalation=True)), PRIVILEGES),
    "a container that keeps capabilities": (deployment(**with_container(capabilities={"drop": []})), PRIVILEGES),
    "a container that takes one": (
        deployment(**with_container(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
        PRIVILEGES,
    ),
    "a container that runs as root": (deployment(**with_container(runAsUser=0)), PRIVILEGES),
    "an init container that gains privileges": (
        deployment(**with_container(init=True, allowPrivilegeEscalation=True)),
        PRIVILEGES,
    ),
    "a Job with a folder of the host": (job(volumes=HOST_PATH), VOLUMES),
    "a Job with its account's token": (job(automountServiceAccountToken=True), TOKENS),
    "a Job that gains privileges": (job(**with_container(allowPrivilegeEscalation=True)), PRIVILEGES),
    "an account whose token is mounted": (body("v1", "ServiceAccount"), TOKENS),
    "a Deployment of others' pods": (selecting(deployment(), {"app": "bank"}), OTHERS_PODS),
    "a Job of others' pods": (selecting(job(), {"app": "bank"}, manualSelector=True), OTHERS_PODS),
    "a Service for others' pods": (service(selector={"app": "bank"}), OTHERS_PODS),
    "a Service with somebody's address": (service(externalIPs=["192.0.2.7"]), ADDRESSES),
    "a disruption budget for all pods": (budget({}), OTHERS_PODS),
    "an autoscaler of somebody's Deployment": (autoscaler("bank"), OTHERS_PODS),
    "a Secret": (body("v1", "Secret"), NO_KIND),
    "a pod": (body("v1", "Pod", spec=pod()), NO_KIND),
    "a DaemonSet": (
        body("apps/v1", "DaemonSet", spec={key: deployment()["spec"][key] for key in ("selector", "template")}),
        NO_KIND,
    ),
    "a role": (body("rbac.authorization.k8s.io/v1", "Role", rules=[]), NO_KIND),
    "a stack": (minimal("mine"), NO_KIND),
    "a right for all namespaces": (body("rbac.authorization.k8s.io/v1", "ClusterRole", rules=[]), NO_KIND),
}


@pytest.mark.parametrize("case", REFUSED)
def test_with_the_operators_token_nobody_makes(case: str, thief: Kubectl, owner: Body) -> None:
    one, words = REFUSED[case]
    with refused(words):
        create(thief, owned(one, owner))


@pytest.mark.parametrize("one", [deployment(), job()], ids=["Deployment", "Job"])
@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "operator"])
def test_nothing_is_made_in_namespaces_of_the_system(one: Body, namespace: str, thief: Kubectl, owner: Body) -> None:
    with refused(NOT_HERE):
        create(thief.within(namespace), owned(one, owner))


class TestWithoutAnOwnerOfOurs:
    @pytest.mark.parametrize("case", TAKEN)
    def test_nothing_is_made(self, case: str, thief: Kubectl) -> None:
        with refused(NO_OWNER):
            create(thief, TAKEN[case])

    @pytest.mark.parametrize("reference", [{"controller": False}, {"apiVersion": "apps/v1", "kind": "Deployment"}])
    def test_an_owner_of_another_kind_is_none(self, reference: Body, thief: Kubectl, owner: Body) -> None:
        with refused(NO_OWNER):
            create(thief, owned(deployment(), owner, **reference))

    def test_a_build_is_not_made_either(self, thief: Kubectl, owner: Body) -> None:
        with refused(NO_OWNER):
            create(thief, build([]))
        create(thief, build([{**owner, "controller": False}]), "--dry-run=server")

    def test_an_owner_that_is_not_there_does_not_help_for_long(self, fenced: ControlPlane, thief: Kubectl) -> None:
        """The garbage collector takes what no stack or build of its namespace owns."""
        fenced.kubectl("create", "namespace", "without-stacks")
        there = thief.within("without-stacks")
        kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack"}
        nobody = {**kind, "name": "bot", "uid": "00000000-0000-4000-8000-000000000000", "controller": True}
        create(there, owned(deployment(), nobody))
        eventually(lambda: Stacks(there).get("deployment", "bot-x") is None, patience=60)


def test_nothing_is_made_without_a_label_of_ours(thief: Kubectl, owner: Body) -> None:
    one = owned(body("v1", "ConfigMap"), owner)
    one["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "somebody"}
    with refused(NO_LABEL):
        create(thief, one)


def patch(kubectl: Kubectl, kind: str, name: str, change: Body, *options: str) -> None:
    kubectl("patch", kind, name, "--type", "merge", "-p", json.dumps(change), *options)


@pytest.fixture(scope="module")
def theirs(administrator: Kubectl) -> None:
    """Make a Deployment, a ConfigMap and a claim that are nothing to the operator."""
    for one in (deployment(), body("v1", "ConfigMap", data={"a": "b"}), claim()):
        administrator.apply({**one, "metadata": {"name": "theirs"}})


@pytest.mark.usefixtures("theirs")
class TestWhatIsSomebodyElses:
    @pytest.mark.parametrize("kind", ["deployment", "configmap", "persistentvolumeclaim"])
    def test_is_not_changed_and_not_taken_over(self, kind: str, thief: Kubectl, owner: Body) -> None:
        taken = {"metadata": {"labels": OURS, "ownerReferences": [owner], "annotations": {"a": "b"}}}
        for change in ({"metadata": {"annotations": {"a": "b"}}}, taken):
            with refused(NOT_OURS):
                patch(thief, kind, "theirs", change)

    @pytest.mark.parametrize("kind", ["deployment", "configmap", "persistentvolumeclaim"])
    def test_is_not_deleted(self, kind: str, thief: Kubectl) -> None:
        with refused(NOT_OURS):
            thief("delete", kind, "theirs", "--wait=false")

    def test_is_not_scaled(self, thief: Kubectl) -> None:
        with refused(f"{NO_KIND}deployments.apps/scale"):
            thief("scale", "deployment", "theirs", "--replicas=9")

    def test_is_not_changed_in_namespaces_of_the_system(self, fenced: ControlPlane, thief: Kubectl) -> None:
        system = fenced.kubectl.within("kube-system")
        system("create", "configmap", "coredns", "--from-literal=Corefile=.")
        for words in (["patch", "-p", '{"data": {"Corefile": "evil"}}'], ["delete"]):
            with refused(NOT_HERE):
                thief.within("kube-system")(*words, "configmap", "coredns")


class TestAClaimThatOutlivesItsStack:
    @pytest.fixture
    def kept(self, administrator: Kubectl, thief: Kubectl) -> Iterator[Body]:
        one = claim()
        one["metadata"] = {**one["metadata"], "name": "bot-data", "annotations": {"llamastack.dev/stack-uid": "a"}}
        yield one
        administrator("delete", "pvc", "bot-data", "--ignore-not-found", "--wait=false")

    def test_is_made_and_changed_and_never_deleted(self, kept: Body, thief: Kubectl) -> None:
        create(thief, kept)
        patch(thief, "pvc", "bot-data", {"metadata": {"annotations": {"a": "b"}}})
        with refused("deletes no claim that outlives its stack"):
            thief("delete", "pvc", "bot-data", "--wait=false")


class TestTheStartProgramOfANamespace:
    @pytest.fixture
    def program(self) -> Body:
        one = body("v1", "ConfigMap", binaryData={"start.pyz": "YQ=="}, immutable=True)
        managed = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/start-program": "a"}
        one["metadata"] = {"name": "llamastack-start-a", "labels": managed}
        return one

    def test_is_made_and_deleted(self, program: Body, thief: Kubectl) -> None:
        create(thief, program)
        thief("delete", "configmap", "llamastack-start-a")

    def test_is_nothing_without_its_name_and_its_label(self, program: Body, thief: Kubectl) -> None:
        named = {**program, "metadata": {**program["metadata"], "labels": OURS}}
        labelled = {**program, "metadata": {**program["metadata"], "name": "other"}}
        for one in (named, labelled):
            with refused(NO_OWNER):
                create(thief, one)


class TestExcepted:
    def test_is_the_status_of_a_stack_wherever_it_is(self, fenced: ControlPlane, thief: Kubectl) -> None:
        system = fenced.kubectl.within("kube-system")
        system.apply(minimal("bot"))
        status = json.dumps({"status": {"observedGeneration": 1}})
        there = thief.within("kube-system")
        there("patch", "llamastack", "bot", "--subresource", "status", "--type", "merge", "-p", status)
        with refused(f"{NO_KIND}llamastacks.llamastack.dev"):
            there("delete", "llamastack", "bot")
        system("delete", "llamastack", "bot")

    def test_are_events(self, thief: Kubectl) -> None:
        about = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "name": "bot", "namespace": NAMESPACE}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "bot-"}, "involvedObject": about}
        create(thief, {**event, "reason": "A", "message": "a", "type": "Normal"})

    def test_are_questions(self, thief: Kubectl) -> None:
        assert thief("auth", "can-i", "list", "secrets").strip() == "yes"

    def test_is_a_lease_of_the_operators_own_namespace_alone(self, thief: Kubectl) -> None:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"}, "spec": {}}
        create(thief.within("operator"), lease)
        patch(thief.within("operator"), "lease", "leader", {"spec": {"holderIdentity": "a"}})
        with refused(f"{NO_KIND}leases"):
            create(thief.within("kube-system"), lease)


def test_no_pod_is_reached_through_the_api_server(administrator: Kubectl, thief: Kubectl) -> None:
    administrator("create", "service", "clusterip", "theirs", "--tcp=80")
    with refused(f"{NO_KIND}services/proxy"):
        thief("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/theirs/proxy/")


def test_others_are_not_behind_the_fence(administrator: Kubectl) -> None:
    create(administrator, deployment(hostNetwork=True), "--dry-run=server")


CANARY = "password-of-the-platform"
KINDS = (
    *("llamastacks", "llamastackbuilds", "configmaps", "secrets", "serviceaccounts", "services", "deployments"),
    *("replicasets", "jobs", "pods", "persistentvolumeclaims", "events"),
)


def test_no_password_of_the_platform_is_in_a_tenants_namespace(
    fenced: ControlPlane, thief: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its token nor what its own environment has beside the proxies, which are handed on and have none."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("ALL_PROXY", f"http://platform:{CANARY}@proxy.example:3128")
    monkeypatch.setenv("PIP_INDEX_URL", f"https://platform:{CANARY}@index.example/simple")
    fenced.kubectl("create", "namespace", "told")
    stacks = Stacks(fenced.kubectl.within("told"))
    options = ("--operator-image", OPERATOR_IMAGE, "--namespace", "told")
    with OperatorProcess(thief.kubeconfig, tmp_path, *options):
        stacks.kubectl.apply(minimal("plain"))
        stacks.kubectl.apply(with_module("bot"))
        only_build(stacks, "bot")
        stacks.condition("plain", "Ready", "False", "Progressing")
        text = json.dumps(stacks.kubectl.json("get", ",".join(KINDS)))
    (user,) = yaml.safe_load(thief.kubeconfig.read_text())["users"]
    assert "http://proxy.example:3128" in text
    assert CANARY not in text
    assert user["user"]["token"] not in text


@pytest.mark.parametrize("one", [minimal("bot"), with_module("bot")], ids=["program", "build"])
def test_a_stack_in_a_namespace_of_the_system_is_told_why_nothing_is_made(
    one: Body, fenced: ControlPlane, thief: Kubectl, tmp_path: Path
) -> None:
    system = Stacks(fenced.kubectl.within("kube-public"))
    with OperatorProcess(thief.kubeconfig, tmp_path, "--operator-image", OPERATOR_IMAGE, "--namespace", "kube-public"):
        system.kubectl.apply(one)
        system.condition("bot", "Ready", "False", "Rejected")
        (finding,) = system.get("llamastack", "bot")["status"]["findings"]
        assert f"the fence of the operator: its account {NOT_HERE}" in finding["message"]
        system.kubectl("delete", "llamastack", "bot")
