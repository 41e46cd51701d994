"""Wrong manifests: what the API server itself refuses, with the field's path and a cure in its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.e2e.operator import REPOSITORY
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane


def with_server(**server: Any) -> dict[str, Any]:
    return minimal("wrong", server=server)


def without(path: str) -> dict[str, Any]:
    body = minimal("wrong")
    parent = body["spec"]
    *parents, last = path.split(".")
    for key in parents:
        parent = parent[key]
    del parent[last]
    return body


PROVIDER = {"api": "inference", "providerType": "remote::mine", "configMapKeyRef": {"name": "a", "key": "b"}}
API = {"name": "weather", "configMapKeyRef": {"name": "a", "key": "b"}}


def with_provider(**fields: Any) -> dict[str, Any]:
    return minimal("wrong", externalProviders=[{**PROVIDER, **fields}])


def named(name: str) -> dict[str, Any]:
    return minimal(name)


WRONG = {
    "neither image nor release": (minimal("wrong", distribution={}), "at least one of image and release must be set"),
    "no distribution": (without("distribution"), "spec.distribution"),
    "no run config at all": (without("runConfig"), "exactly one of runConfig and runConfigFrom must be set"),
    "two run configs": (
        minimal("wrong", runConfigFrom={"configMapKeyRef": {"name": "a", "key": "b"}}),
        "exactly one of runConfig and runConfigFrom must be set",
    ),
    "a run config that is a list": (minimal("wrong", runConfig=[]), "spec.runConfig"),
    "a run config that is text": (minimal("wrong", runConfig="providers: {}"), "spec.runConfig"),
    "an unknown package": (
        minimal("wrong", distribution={"image": "a:b", "release": {"package": "llamastack", "version": "0.7.3"}}),
        "spec.distribution.release.package",
    ),
    "a version that is a number": (
        minimal("wrong", distribution={"image": "a:b", "release": {"package": "ogx", "version": 1.5}}),
        "spec.distribution.release.version",
    ),
    "a version that is none": (
        minimal("wrong", distribution={"image": "a:b", "release": {"package": "ogx", "version": "latest"}}),
        "spec.distribution.release.version",
    ),
    "an image with a space": (minimal("wrong", distribution={"image": "a b"}), "spec.distribution.image"),
    "a privileged port": (with_server(port=80), "spec.server.port"),
    "a port out of range": (with_server(port=70000), "spec.server.port"),
    "a port that is text": (with_server(port="8321"), "spec.server.port"),
    "negative replicas": (with_server(replicas=-1), "spec.server.replicas"),
    "replicas beside autoscaling": (
        with_server(replicas=2, autoscaling={"maxReplicas": 3}),
        "replicas and autoscaling exclude each other",
    ),
    "more fewest than most replicas": (
        with_server(autoscaling={"minReplicas": 4, "maxReplicas": 3}),
        "minReplicas must not be larger than maxReplicas",
    ),
    "Off, which YAML reads as a boolean": (
        with_server(storage=yaml.safe_load("{size: 1Gi, onDelete: Off}")),
        "spec.server.storage.onDelete",
    ),
    "storage of no size and no claim": (with_server(storage={}), "exactly one of size and claimName must be set"),
    "a claim with a storage class": (
        with_server(storage={"claimName": "a", "storageClassName": "fast"}),
        "belong to a claim that the operator creates",
    ),
    "a size that is no quantity": (with_server(storage={"size": "ten gigs"}), "spec.server.storage.size"),
    "a variable's value that is a number": (with_server(env=[{"name": "A", "value": 1}]), "spec.server.env[0].value"),
    "a variable from two sources": (
        with_server(
            env=[
                {
                    "name": "A",
                    "valueFrom": {
                        "fieldRef": {"fieldPath": "status.podIP"},
                        "secretKeyRef": {"name": "a", "key": "b"},
                    },
                }
            ]
        ),
        "exactly one of configMapKeyRef, secretKeyRef and fieldRef must be set",
    ),
    "a variable twice": (
        with_server(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        "Duplicate value",
    ),
    "a mount without a volume": (
        with_server(podTemplate={"volumeMounts": [{"name": "a", "mountPath": "/a"}]}),
        "each volumeMount must name one of podTemplate.volumes",
    ),
    "a label of the operator's own on pods": (
        with_server(podTemplate={"metadata": {"labels": {"llamastack.dev/build": "modules-a"}}}),
        "keys below llamastack.dev/ are for the operator alone",
    ),
    "an annotation of the operator's own on pods": (
        with_server(podTemplate={"metadata": {"annotations": {"llamastack.dev/revision": "x"}}}),
        "keys below llamastack.dev/ are for the operator alone",
    ),
    "an annotation of the operator's own on the Service": (
        minimal("wrong", network={"service": {"annotations": {"llamastack.dev/applied": "x"}}}),
        "keys below llamastack.dev/ are for the operator alone",
    ),
    "a host path": (
        with_server(podTemplate={"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}),
        "unknown field",
    ),
    "a volume of two kinds": (
        with_server(podTemplate={"volumes": [{"name": "a", "emptyDir": {}, "configMap": {"name": "b"}}]}),
        "each volume needs exactly one of",
    ),
    "a provider type of no kind": (with_provider(providerType="mine"), "spec.externalProviders[0].providerType"),
    "a provider type that leaves its folder": (
        with_provider(providerType="remote::../../mine"),
        "spec.externalProviders[0].providerType",
    ),
    "an API that is no name": (with_provider(api="a/b"), "spec.externalProviders[0].api"),
    "an option of pip as a package": (
        with_provider(packages=["mine", "--index-url=https://example.com"]),
        "spec.externalProviders[0].packages[1]",
    ),
    "a package with two lines": (
        with_provider(packages=["mine\n-r /etc/passwd"]),
        "spec.externalProviders[0].packages[0]",
    ),
    "a provider without a file": (with_provider(configMapKeyRef=None), "spec.externalProviders[0].configMapKeyRef"),
    "a provider twice": (minimal("wrong", externalProviders=[PROVIDER, PROVIDER]), "Duplicate value"),
    "an external API twice": (minimal("wrong", externalApis=[API, API]), "Duplicate value"),
    "too many external APIs": (
        minimal("wrong", externalApis=[{**API, "name": f"a{number}"} for number in range(33)]),
        "spec.externalApis",
    ),
    "too many external providers": (
        minimal("wrong", externalProviders=[{**PROVIDER, "providerType": f"inline::a{n}"} for n in range(33)]),
        "spec.externalProviders",
    ),
    "a misspelt field": (with_server(replica=2), "unknown field"),
    "a name that no Service can have": (named("1-stack"), "metadata.name must be a DNS label"),
    "a name with dots": (named("a.b"), "metadata.name must be a DNS label"),
    "too many variables": (
        with_server(env=[{"name": f"A{number}", "value": ""} for number in range(129)]),
        "spec.server.env",
    ),
    "an oversized value": (with_server(env=[{"name": "A", "value": "x" * 40_000}]), "spec.server.env[0].value"),
    "an oversized run config": (
        minimal("wrong", runConfig={"providers": {}, "note": "x" * 3_500_000}),
        "too large",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_manifest_is_refused_with_its_place(case: str, served: ControlPlane, kubectl: Kubectl) -> None:
    body, expected = WRONG[case]
    with pytest.raises(KubectlError) as refusal:
        kubectl("create", "-f", "-", stdin=body)
    assert expected in refusal.value.stderr


@pytest.mark.parametrize("example", ["quickstart.yaml", "full.yaml", "external-spec.yaml"])
def test_the_examples_are_admitted_as_they_are(example: str, served: ControlPlane, kubectl: Kubectl) -> None:
    kubectl("create", "--dry-run=server", "-f", str(Path(REPOSITORY) / "examples" / example))


def test_all_mistakes_of_a_manifest_are_told_at_once(served: ControlPlane, kubectl: Kubectl) -> None:
    with pytest.raises(KubectlError) as refusal:
        kubectl("create", "-f", "-", stdin=with_server(port=80, replicas=-1, storage={"size": "x"}))
    for path in ("spec.server.port", "spec.server.replicas", "spec.server.storage.size"):
        assert path in refusal.value.stderr


@pytest.mark.parametrize("field", ["storageClassName", "accessMode"])
def test_what_a_claim_was_made_with_cannot_be_changed(field: str, served: ControlPlane, kubectl: Kubectl) -> None:
    before = {"storageClassName": "fast", "accessMode": "ReadWriteOnce"}
    after = {"storageClassName": "slow", "accessMode": "ReadWriteMany"}
    kubectl.apply(minimal("storage", server={"storage": {"size": "1Gi", **before}}))
    with pytest.raises(KubectlError, match=f"{field} cannot be changed"):
        kubectl.apply(minimal("storage", server={"storage": {"size": "1Gi", **before, field: after[field]}}))
    kubectl.apply(minimal("storage", server={"storage": {"size": "2Gi", **before}}))


def test_the_run_config_keeps_whatever_keys_it_has(served: ControlPlane, kubectl: Kubectl) -> None:
    run_config = {"providers": {}, "custom": {"deeply": [{"nested": [1, 2.5, None, True, "text"]}]}}
    kubectl.apply(minimal("opaque", runConfig=run_config))
    assert kubectl.json("get", "llamastack", "opaque")["spec"]["runConfig"] == run_config


def test_explain_describes_each_field(served: ControlPlane, kubectl: Kubectl) -> None:
    assert "How many pods serve: 1 where unset." in kubectl("explain", "llamastack.spec.server.replicas")


def test_the_columns_of_kubectl_get(served: ControlPlane, kubectl: Kubectl) -> None:
    kubectl.apply(minimal("columns"))
    header = kubectl("get", "llamastacks").splitlines()[0]
    assert header.split() == ["NAME", "READY", "REASON", "RELEASE", "PROVIDERS", "REPLICAS", "AGE"]


@pytest.mark.parametrize(
    "package",
    [
        "a",
        "my-provider[x, y] >=1.0, <2 ; python_version < '3.13'",
        "a==1.*",
        "a ~=1.2rc1",
        "a @ https://example.com/a-1.0-py3-none-any.whl ; os_name != 'nt'",
    ],
)
def test_a_package_is_any_requirement_of_pip(package: str, served: ControlPlane, kubectl: Kubectl) -> None:
    kubectl("create", "--dry-run=server", "-f", "-", stdin=with_provider(packages=[package]))


def test_one_type_may_be_of_several_apis(served: ControlPlane, kubectl: Kubectl) -> None:
    providers = [PROVIDER, {**PROVIDER, "api": "safety"}, {**PROVIDER, "providerType": "inline::mine"}]
    kubectl("create", "--dry-run=server", "-f", "-", stdin=minimal("right", externalProviders=providers))
