"""The chart's admission policy: nobody but the operator writes what decides which images run.

On a control plane of its own, since other tests' operators, and the tests themselves, write those objects as
administrators.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.kubectl import eventually as asked_until
from tests.e2e.fixtures import OPERATOR_IMAGE, grant_rights, install_crds, rendered_template
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.e2e.test_builds import builds, fail, jobs, only_build, pod_of, with_module
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

NAMESPACE = "tenant"
BUILD_LABEL = {"llamastack.dev/build": "modules-forged"}
ALL_RIGHTS = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
REFUSED_BUILD = "only the operator writes LlamaStackBuilds"
REFUSED_OBJECT = "only the operator writes the objects of its builds"
INPUTS = "modules-0123456789abcdef-0a1b2c-1"
"""What the inputs of a build are called."""
REFUSED_PROGRAM = "only the operator writes the programs that its pods start with"
PROGRAM_LABEL = "llamastack.dev/start-program"


def role_for(user: str) -> list[dict[str, Any]]:
    """Return a Role with every right in the namespace, and its binding."""
    api, metadata = "rbac.authorization.k8s.io", {"namespace": NAMESPACE, "name": "everything"}
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": ALL_RIGHTS},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "everything"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
        },
    ]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the policy, a running operator, and a tenant with every right in his namespace."""
    with ControlPlane() as control_plane:
        install_crds(control_plane.kubectl)
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": NAMESPACE, "labels": restricted}
        control_plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, *role_for("tenant")])
        kubeconfig = grant_rights(control_plane)
        control_plane.kubectl("apply", "-f", "-", stdin=rendered_template("admission-policy.yaml"))
        administrator = control_plane.kubectl.within(NAMESPACE)
        asked_until(lambda: expect_refusal(administrator, forged_build(), REFUSED_BUILD), retry=AssertionError)
        asked_until(lambda: expect_refusal(administrator, forged_config_map(), REFUSED_OBJECT), retry=AssertionError)
        for body in (forged_inputs(INPUTS), maker_of_pods("Deployment", "apps/v1")):
            asked_until(lambda body=body: expect_refusal(administrator, body, REFUSED_OBJECT), retry=AssertionError)
        folder = tmp_path_factory.mktemp("guarded")
        with OperatorProcess(kubeconfig, folder, "--operator-image", OPERATOR_IMAGE) as process:
            yield control_plane
            assert "Traceback" not in process.log.read_text(), process.log.read_text()


@pytest.fixture(scope="module")
def tenant(guarded: ControlPlane) -> Kubectl:
    """kubectl of a user with every right in his namespace."""
    return Kubectl(guarded.kubectl.program, guarded.kubeconfig_for("tenant"), NAMESPACE)


@pytest.fixture(scope="module")
def build(guarded: ControlPlane, tenant: Kubectl) -> str:
    """The name of a build that runs, for a stack that the tenant wrote."""
    tenant.apply(with_module("bot"))
    stacks = Stacks(guarded.kubectl.within(NAMESPACE))
    name = str(only_build(stacks, "bot")["metadata"]["name"])
    pod_of(stacks, name)
    return name


def forged_build() -> dict[str, Any]:
    spec = {"key": "a" * 64, "strategy": "Image", "inputs": {}, "reasons": [], "access": {}}
    kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStackBuild"}
    return {**kind, "metadata": {"name": "modules-forged"}, "spec": spec}


def forged_config_map() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "forged", "labels": BUILD_LABEL}}


def forged_inputs(name: str, **metadata: Any) -> dict[str, Any]:
    data = {"build.json": "{}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def owned_by(build: str, uid: str = "0f0f0f0f") -> dict[str, Any]:
    """Return metadata in which a build is the owner, which anybody can write."""
    owner = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStackBuild", "name": build, "uid": uid}
    return {"ownerReferences": [{**owner, "controller": True}]}


def maker_of_pods(kind: str, api_version: str) -> dict[str, Any]:
    """Return an object without a label of ours, whose controller makes pods with one."""
    template = {"metadata": {"labels": {**BUILD_LABEL, "mine": "1"}}, "spec": forged_pod({})["spec"]}
    spec: dict[str, Any] = {"template": template, "selector": {"matchLabels": {"mine": "1"}}}
    if kind in ("Job", "CronJob"):
        template["spec"]["restartPolicy"] = "Never"
        spec = {"template": template}
    if kind == "CronJob":
        spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": spec}}
    if kind == "StatefulSet":
        spec["serviceName"] = "mine"
    if kind == "ReplicationController":
        spec["selector"] = {"mine": "1"}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "mine"}, "spec": spec}


def forged_program(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": {"start.pyz": "Zm9yZ2Vk"}}


def forged_pod(labels: dict[str, str]) -> dict[str, Any]:
    context = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "push", "image": "evil.example/push:1", "securityContext": context}
    metadata = {"name": "forged", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def forged_job() -> dict[str, Any]:
    template = {"spec": {**forged_pod({})["spec"], "restartPolicy": "Never"}}
    metadata = {"name": "forged", "labels": BUILD_LABEL}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def expect_refusal(kubectl: Kubectl, body: dict[str, Any], words: str) -> None:
    """Create an object and see it refused in these words; what was taken is removed again."""
    try:
        kubectl("create", "-f", "-", stdin=body)
    except KubectlError as error:
        assert words in error.stderr, error.stderr
        return
    kubectl("delete", body["kind"], body["metadata"]["name"], "--wait=false")
    raise AssertionError("it was taken")


MAKERS = {
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicationController": "v1",
}
CREATED = {
    "a build": (forged_build(), REFUSED_BUILD),
    "a build's Job": (forged_job(), REFUSED_OBJECT),
    "a build's pod": (forged_pod(BUILD_LABEL), REFUSED_OBJECT),
    "a build's ConfigMap": (forged_config_map(), REFUSED_OBJECT),
    "a build's inputs by their name alone": (forged_inputs(INPUTS), REFUSED_OBJECT),
    "a lock by its name alone": (forged_inputs("stack-0123456789abcdef-0a1b2c-lock"), REFUSED_OBJECT),
    "a lock by the name that has its digest": (
        forged_inputs("modules-0123456789abcdef-0a1b2c-lock-0123456789"),
        REFUSED_OBJECT,
    ),
    "unlabelled inputs with a forged owner": (forged_inputs("mine", **owned_by("modules-forged")), REFUSED_OBJECT),
    "an unlabelled Job with a forged owner": (
        {**forged_job(), "metadata": {"name": "mine", **owned_by("modules-forged")}},
        REFUSED_OBJECT,
    ),
    "an unlabelled Job by its name alone": ({**forged_job(), "metadata": {"name": INPUTS}}, REFUSED_OBJECT),
    **{
        f"a {kind} whose pods bear the label of a build": (maker_of_pods(kind, version), REFUSED_OBJECT)
        for kind, version in MAKERS.items()
    },
    "a start program by its name alone": (forged_program("llamastack-start-forged"), REFUSED_PROGRAM),
    "a start program by its label alone": (forged_program("forged", **{PROGRAM_LABEL: "a"}), REFUSED_PROGRAM),
}


@pytest.mark.parametrize("case", CREATED)
def test_a_tenant_with_every_right_cannot_create(case: str, tenant: Kubectl, build: str) -> None:
    body, words = CREATED[case]
    expect_refusal(tenant, body, words)


def patch(kubectl: Kubectl, kind: str, name: str, body: Any, *options: str) -> None:
    kubectl("patch", kind, name, "--type", "merge", "-p", json.dumps(body), *options)


class TestTenantsEdits:
    """Each is allowed by the tenant's Role, and would change what the operator believes or runs."""

    @pytest.mark.parametrize(
        "edit",
        [
            {"metadata": {"ownerReferences": None}},
            {"metadata": {"annotations": {"llamastack.dev/rerun": "now"}}},
            {"metadata": {"labels": {"mine": "1"}}},
        ],
    )
    def test_of_a_build_are_refused(self, edit: Any, tenant: Kubectl, build: str) -> None:
        with pytest.raises(KubectlError, match=REFUSED_BUILD):
            patch(tenant, "llamastackbuild", build, edit)

    def test_of_its_status_are_refused(self, tenant: Kubectl, build: str) -> None:
        forged = {"status": {"phase": "Succeeded", "image": f"evil.example/a@sha256:{'e' * 64}"}}
        with pytest.raises(KubectlError, match=REFUSED_BUILD):
            patch(tenant, "llamastackbuild", build, forged, "--subresource", "status")

    @pytest.mark.parametrize("kind", ["job", "pod", "configmap"])
    @pytest.mark.parametrize("label", [None, "modules-other"])
    def test_of_the_label_are_refused(self, kind: str, label: str | None, tenant: Kubectl, build: str) -> None:
        name = tenant.json("get", kind, "-l", f"llamastack.dev/build={build}")["items"][0]["metadata"]["name"]
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            patch(tenant, kind, name, {"metadata": {"labels": {"llamastack.dev/build": label}}})

    def test_of_the_pods_image_are_refused(self, tenant: Kubectl, build: str) -> None:
        pod = tenant.json("get", "pods", "-l", f"llamastack.dev/build={build}")["items"][0]["metadata"]["name"]
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            tenant("set", "image", f"pod/{pod}", "push=evil.example/push:1")

    def test_that_put_a_container_into_the_pod_are_refused(self, tenant: Kubectl, build: str) -> None:
        pod = tenant.json("get", "pods", "-l", f"llamastack.dev/build={build}")["items"][0]["metadata"]["name"]
        (container,) = forged_pod({})["spec"]["containers"]
        body = {"spec": {"ephemeralContainers": [{**container, "name": "evil"}]}}
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            tenant("patch", "pod", pod, "--subresource", "ephemeralcontainers", "-p", json.dumps(body))

    @pytest.mark.parametrize("kind", ["job", "pod"])
    def test_of_how_it_ended_are_refused(self, kind: str, tenant: Kubectl, build: str) -> None:
        """The last words of a build's pod name the digest that is run from then on."""
        name = tenant.json("get", kind, "-l", f"llamastack.dev/build={build}")["items"][0]["metadata"]["name"]
        forged = {"status": {"phase": "Succeeded"} if kind == "pod" else {"active": 0}}
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            patch(tenant, kind, name, forged, "--subresource", "status")

    def test_that_make_a_builds_object_of_another_are_refused(self, tenant: Kubectl, build: str) -> None:
        tenant.apply(forged_pod({"app": "mine"}))
        tenant.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}})
        for kind, name in (("pod", "forged"), ("configmap", "mine")):
            with pytest.raises(KubectlError, match=REFUSED_OBJECT):
                patch(tenant, kind, name, {"metadata": {"labels": BUILD_LABEL}})
            tenant("delete", kind, name, "--wait=false")


class TestWhatProgramsRead:
    """Inputs of builds and locks: what stands in them is installed, and runs in the pods of every stack of a build."""

    @pytest.fixture(params=["inputs", "lock"])
    def read(self, request: pytest.FixtureRequest, guarded: ControlPlane, build: str) -> str:
        """The name of the inputs of a build that runs, or of a lock that the operator made."""
        if request.param == "inputs":
            return f"{build}-1"
        name = f"{build}-lock-0123456789"
        kubeconfig = guarded.service_account_kubeconfig("operator", "llamastack-operator")
        operator = Kubectl(guarded.kubectl.program, kubeconfig, NAMESPACE)
        uid = guarded.kubectl.within(NAMESPACE).json("get", "llamastackbuild", build)["metadata"]["uid"]
        labels = {"llamastack.dev/build": build, "app.kubernetes.io/managed-by": "llamastack-operator"}
        operator.apply(forged_inputs(name, labels=labels, **owned_by(build, uid)))
        return name

    def test_cannot_be_deleted_to_make_others_of_their_name(self, tenant: Kubectl, read: str) -> None:
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            tenant("delete", "configmap", read)
        with pytest.raises(KubectlError, match=REFUSED_OBJECT):
            tenant("delete", "configmaps", "-l", "llamastack.dev/build")
        with pytest.raises(KubectlError, match=f"{REFUSED_OBJECT}|already exists"):
            tenant("create", "-f", "-", stdin=forged_inputs(read))
        assert tenant.json("get", "configmap", read)["metadata"]["labels"]["llamastack.dev/build"]

    @pytest.mark.parametrize(
        "edit", [{"metadata": {"labels": None, "ownerReferences": None}}, {"data": {"build.json": '{"mine": 1}'}}]
    )
    def test_cannot_be_changed(self, edit: Any, tenant: Kubectl, read: str) -> None:
        with pytest.raises(KubectlError, match=f"{REFUSED_OBJECT}|field is immutable"):
            patch(tenant, "configmap", read, edit)

    def test_go_with_their_namespace(self, guarded: ControlPlane, build: str) -> None:
        namespace = f"{NAMESPACE}-goes"
        guarded.kubectl("create", "namespace", namespace)
        stacks = Stacks(guarded.kubectl.within(namespace))
        stacks.kubectl.apply(with_module("bot"))
        name = str(only_build(stacks, "bot")["metadata"]["name"])
        eventually(lambda: stacks.get("configmap", f"{name}-1"))
        guarded.kubectl("delete", "namespace", namespace, "--wait=false")
        eventually(lambda: stacks.get("configmap", f"{name}-1") is None, patience=60)


def test_a_tenants_own_objects_are_not_looked_at(tenant: Kubectl, build: str) -> None:
    tenant.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"a": "b"}})
    patch(tenant, "configmap", "own", {"data": {"a": "c"}})
    tenant.apply(forged_pod({}))
    tenant("delete", "pod", "forged", "--wait=false")


def test_a_build_runs_is_told_and_is_collected_as_ever(guarded: ControlPlane, tenant: Kubectl) -> None:
    """The operator writes builds and Jobs, the Job controller pods, a node their status, the collector owners."""
    stacks = Stacks(guarded.kubectl.within(NAMESPACE))
    tenant.apply(with_module("ends", module="another_provider==3.0"))

    def own() -> Any:
        (one,) = [one for one in builds(stacks) if "another_provider" in json.dumps(one["spec"])]
        return one["metadata"]["name"]

    name = eventually(own)
    pod_of(stacks, name)
    node = guarded.kubeconfig_for("system:node:one", ("system:nodes",))
    guarded.apply(node_rights())
    as_node = Stacks(Kubectl(guarded.kubectl.program, Path(node), NAMESPACE))
    fail(as_node, name)
    stacks.condition("ends", "ImageReady", "False", "ModuleNotFound")
    tenant("delete", "llamastack", "ends")
    eventually(lambda: name not in [one["metadata"]["name"] for one in builds(stacks)])
    eventually(lambda: not [one for one in jobs(stacks) if one["metadata"]["labels"]["llamastack.dev/build"] == name])
    eventually(lambda: stacks.get("configmap", f"{name}-1") is None)


def node_rights() -> list[dict[str, Any]]:
    """Return what lets a node's user read and end pods that no scheduler gave it, as the node authorizer would not."""
    api = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["pods", "pods/status"], "verbs": ["get", "list", "patch"]}]
    metadata = {"namespace": NAMESPACE, "name": "node"}
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "node"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": "system:node:one"}],
        },
    ]


def test_a_tenant_may_end_a_build_and_the_operator_makes_it_anew(guarded: ControlPlane, tenant: Kubectl) -> None:
    """Deleting is no forgery: what was recorded is gone, and nothing else is believed instead."""
    stacks = Stacks(guarded.kubectl.within(NAMESPACE))
    tenant.apply(with_module("stubborn", module="stubborn_provider==1.0"))

    def own() -> Any:
        (one,) = [one for one in builds(stacks) if "stubborn_provider" in json.dumps(one["spec"])]
        return one["metadata"]

    before = eventually(own)
    tenant("delete", "llamastackbuild", before["name"], "--wait=false")
    eventually(lambda: own()["uid"] != before["uid"])


class TestTheStartProgram:
    """Code that runs in every pod of a namespace."""

    @pytest.fixture
    def program(self, guarded: ControlPlane, tenant: Kubectl) -> str:
        """The ConfigMap that holds it."""
        stacks = Stacks(guarded.kubectl.within(NAMESPACE))
        tenant.apply(minimal("starts"))
        (found,) = eventually(lambda: stacks.kubectl.json("get", "configmaps", "-l", PROGRAM_LABEL)["items"])
        return str(found["metadata"]["name"])

    @pytest.mark.parametrize(
        ("edit", "words"),
        [
            ({"metadata": {"labels": None}}, REFUSED_PROGRAM),
            ({"metadata": {"finalizers": ["example.org/mine"]}}, REFUSED_PROGRAM),
            ({"binaryData": {"start.pyz": "Zm9yZ2Vk"}}, "field is immutable"),
        ],
    )
    def test_cannot_be_changed(self, edit: Any, words: str, tenant: Kubectl, program: str) -> None:
        with pytest.raises(KubectlError, match=words):
            patch(tenant, "configmap", program, edit)

    def test_cannot_be_deleted_to_make_another_of_its_name(self, tenant: Kubectl, program: str) -> None:
        with pytest.raises(KubectlError, match=REFUSED_PROGRAM):
            tenant("delete", "configmap", program)

    def test_goes_with_the_last_stack_of_a_namespace(self, guarded: ControlPlane, program: str) -> None:
        namespace = f"{NAMESPACE}-alone"
        guarded.kubectl("create", "namespace", namespace)
        alone = Stacks(guarded.kubectl.within(namespace))
        alone.kubectl.apply(minimal("starts"))
        eventually(lambda: alone.get("configmap", program))
        alone.kubectl("delete", "llamastack", "starts")
        eventually(lambda: alone.get("configmap", program) is None, patience=60)
