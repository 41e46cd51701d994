"""The chart renders what it promises: few rights, a restricted pod, our CRDs, and no value that it does not know."""

from __future__ import annotations

import filecmp
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.kube.rights import granted
from tests.cluster.binaries import binaries
from tests.e2e.installation import CHART, REPOSITORY
from tests.golden.files import check, dump

pytestmark = pytest.mark.control_plane


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(binaries("helm") / "helm"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rendered(*options: str) -> list[dict[str, Any]]:
    result = helm("template", "op", str(CHART), "--namespace", "ops", "--kube-version", "1.37.2", *options)
    assert result.returncode == 0, result.stderr
    return [body for body in yaml.safe_load_all(result.stdout) if body]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [body for body in objects if body["kind"] == kind]


def operator_rules(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = [body for kind in ("Role", "ClusterRole") for body in of_kind(objects, kind)]
    return [rule for role in roles if role["metadata"]["name"] == "op" for rule in role["rules"]]


def fence_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    policies = of_kind(objects, "ValidatingAdmissionPolicy")
    (fence,) = [body for body in policies if body["metadata"]["name"] == "op-fence"]
    return fence


CASES = {
    "default": [],
    "some-namespaces": ["watchNamespaces={team-a,team-b}"],
    "network-policies": [
        "watchNamespaces={team-a},fence.closedNamespaces={kube-system,vault}",
        "networkPolicies.create=true,networkPolicies.apiServer={192.0.2.1/32,2001:db8::1/128}",
        "networkPolicies.closedToBuilds={10.0.0.0/8},networkPolicies.buildPeers[0].namespaceSelector.matchLabels.a=b",
    ],
    "every-value": [
        "image.repository=registry.example/operator,image.tag=v9,image.pullPolicy=Always",
        "imagePullSecrets[0].name=registry",
        "workers=2,progressDeadlineSeconds=60,runAsUser=none,providerHealth=false,logFormat=text",
        "builds.pythonImage=registry.example/python:3.13,builds.parallel=2,builds.timeoutSeconds=600",
        "builds.parallelPerNamespace=1,builds.maxTimeoutSeconds=900",
        "builds.indexUrl=https://pypi.example/simple,builds.namedIndexes.pytorch-cpu=https://torch.example/simple",
        "builds.registryMirrors.docker\\.io=https://mirror.example,builds.registryAddresses.r=http://r:5000",
        "builds.insecureRegistries={registry.local:5000}",
        "builds.proxy.HTTPS_PROXY=http://proxy.example:3128,admissionPolicy.create=false,fence.create=false",
        "serviceAccount.name=mine,serviceAccount.annotations.a=b",
        "userRoles.create=false",
        "metrics.expose=true,metrics.port=9191,metrics.from.team=platform",
        "resources.limits.memory=1Gi",
        "podLabels.team=blue,podAnnotations.note=x",
        "nodeSelector.disk=fast,priorityClassName=high",
        "tolerations[0].key=gpu,tolerations[0].operator=Exists",
        "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_values_become_just_these_objects(case: str) -> None:
    """`UPDATE_GOLDEN=1 pytest tests/chart` accepts a change; the CRD is left out, being a file of its own."""
    options = [option for value in [*CASES[case], "crds.install=false"] for option in ("--set", value)]
    check(Path(__file__).parent / "golden" / f"{case}.yaml", dump(rendered(*options)))


def test_helm_lint_has_nothing_to_say() -> None:
    result = helm("lint", "--strict", str(CHART))
    assert result.returncode == 0, result.stdout


def test_the_charts_crds_are_those_of_the_repository() -> None:
    ours, theirs = REPOSITORY / "crds", CHART / "files" / "crds"
    names = sorted(path.name for path in ours.iterdir())
    assert sorted(path.name for path in theirs.iterdir()) == names
    assert filecmp.cmpfiles(ours, theirs, names, shallow=False)[1:] == ([], [])


def test_crds_are_rendered_whole_and_outlive_the_release() -> None:
    crds = of_kind(rendered(), "CustomResourceDefinition")
    assert len(crds) == 2
    for crd in crds:
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert crd == yaml.safe_load((REPOSITORY / "crds" / f"{crd['metadata']['name']}.yaml").read_text())
    assert of_kind(rendered("--set", "crds.install=false"), "CustomResourceDefinition") == []


def test_no_right_is_a_wildcard_and_secrets_are_read_by_name_only() -> None:
    rules = operator_rules(rendered())
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        if "secrets" in rule["resources"]:
            assert rule["verbs"] == ["get"]
    touched = {resource for rule in rules for resource in rule["resources"]}
    assert not touched & {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "pods/exec", "nodes"}


@pytest.mark.parametrize("options", [(), ("--set", "watchNamespaces={a,b}")], ids=["cluster-wide", "namespaced"])
def test_each_role_of_the_operator_grants_just_what_its_table_of_rights_has(options: tuple[str, ...]) -> None:
    objects = rendered(*options)
    roles = [body for kind in ("Role", "ClusterRole") for body in of_kind(objects, kind)]
    roles = [role for role in roles if role["metadata"]["name"] == "op"]
    assert len(roles) == (2 if options else 1)
    for role in roles:
        uses = [
            (group, name, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for name in rule["resources"]
            for verb in rule["verbs"]
        ]
        assert sorted(uses) == sorted(granted())


def test_all_namespaces_take_a_cluster_role_and_some_take_roles_there() -> None:
    everywhere, some = rendered(), rendered("--set", "watchNamespaces={a,b}")
    assert [body["metadata"]["name"] for body in of_kind(everywhere, "ClusterRoleBinding")] == ["op"]
    assert of_kind(everywhere, "Role") == []
    assert of_kind(some, "ClusterRoleBinding") == []
    assert [body["metadata"]["namespace"] for body in of_kind(some, "Role")] == ["a", "b"]
    assert operator_rules(some)[: len(operator_rules(everywhere))] == operator_rules(everywhere)
    (deployment,) = of_kind(some, "Deployment")
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [one for one in arguments if one.startswith("--namespace")] == ["--namespace=a", "--namespace=b"]


def test_the_operators_pod_is_restricted_and_alone() -> None:
    (deployment,) = of_kind(rendered(), "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_digest_wins_over_a_tag() -> None:
    digest = "sha256:" + "a" * 64
    (deployment,) = of_kind(rendered("--set", f"image.repository=r/op,image.tag=t,image.digest={digest}"), "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"r/op@{digest}"


def test_users_get_stacks_with_the_clusters_own_roles() -> None:
    roles = {body["metadata"]["name"]: body for body in of_kind(rendered(), "ClusterRole")}
    assert roles["op-edit"]["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert roles["op-view"]["rules"][0]["verbs"] == ["get", "list", "watch"]
    assert list(of_kind(rendered("--set", "userRoles.create=false"), "ClusterRole")) == [roles["op"]]


@pytest.mark.parametrize(
    "wrong",
    [
        "workers=0",
        "logFormat=xml",
        "runAsUser=0",
        "image.digest=latest",
        "imageTag=x",
        "progressDeadlineSeconds=1",
        "metrics.port=8081",
        "watchNamespaces={Team_A}",
        "fence.closedNamespaces={Team_A}",
        "networkPolicies.create=true",
        "networkPolicies.apiServer={kubernetes.default.svc}",
    ],
)
def test_a_value_that_cannot_be_is_refused(wrong: str) -> None:
    result = helm("template", "op", str(CHART), "--kube-version", "1.37.2", "--set", wrong)
    assert result.returncode != 0
    place = "apiServer" if wrong == "networkPolicies.create=true" else wrong.split("=")[0].rsplit(".", maxsplit=1)[-1]
    assert place in result.stderr


@pytest.mark.parametrize(
    "value",
    [
        "builds.indexUrl=https://user:canary@a.example",
        "builds.namedIndexes.cpu=https://user:canary@a.example",
        "builds.registryMirrors.r=https://user:canary@a.example",
        "builds.registryAddresses.r=https://user:canary@a.example",
        "builds.insecureRegistries={user:canary@a.example}",
        *(f"builds.proxy.{name}=http://user:canary@a.example" for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")),
        *(f"builds.proxy.{name}=user:canary@a.example:3128" for name in ("http_proxy", "https_proxy", "no_proxy")),
    ],
)
def test_a_password_that_tenants_would_read_is_refused(value: str) -> None:
    result = helm("template", "op", str(CHART), "--kube-version", "1.37.2", "--set", value)
    assert result.returncode != 0
    assert "does not match pattern" in result.stderr


@pytest.mark.parametrize(
    ("watched", "closed"), [("", True), ("watchNamespaces={a}", True), ("watchNamespaces={a,ops}", False)]
)
def test_the_operators_own_namespace_is_closed_to_it_unless_it_is_named(watched: str, closed: bool) -> None:
    rules = fence_of(rendered("--set", watched))["spec"]["validations"]
    (expression,) = [rule["expression"] for rule in rules if "kube-system" in rule["expression"]]
    assert ("'ops'" in expression) == closed


def test_the_fence_is_about_the_account_that_the_operator_has() -> None:
    for options, user in (((), "op"), (("--set", "serviceAccount.name=mine"), "mine")):
        fence = fence_of(rendered(*options))
        conditions = {one["name"]: one["expression"] for one in fence["spec"]["matchConditions"]}
        assert conditions["is-by-the-operator"] == f"request.userInfo.username == 'system:serviceaccount:ops:{user}'"


def test_a_large_number_stays_a_whole_number(tmp_path: Path) -> None:
    """Helm reads numbers of a values file as floats, and writes a million as 1e+06."""
    (tmp_path / "values.yaml").write_text("progressDeadlineSeconds: 1000000\n")
    (deployment,) = of_kind(rendered("--values", str(tmp_path / "values.yaml")), "Deployment")
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--progress-deadline=1000000" in arguments


def test_a_label_of_the_chart_cannot_be_given_twice() -> None:
    label = "podLabels.app\\.kubernetes\\.io/name=mine"
    result = helm("template", "op", str(CHART), "--kube-version", "1.37.2", "--set", label)
    (text,) = [part for part in result.stdout.split("---\n") if "kind: Deployment" in part]
    template = text[text.index("  template:") : text.index("    spec:\n      serviceAccountName")]
    assert template.count("app.kubernetes.io/name:") == 1
    assert "app.kubernetes.io/name: llamastack-operator" in template
