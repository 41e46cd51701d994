"""The prediction of the fields that the API server records as ours; what it is built from, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.kube.ownership import owned_fields


def deployment(**pod: Any) -> Any:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": pod}}}
    return owned_fields(body)["f:spec"]["f:template"]["f:spec"]


def container(**fields: Any) -> Any:
    return deployment(containers=[{"name": "server", **fields}])["f:containers"]['k:{"name":"server"}']


def test_each_leaf_of_a_mapping_is_ours_by_itself() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": "1", "b": "2"}, "immutable": True}
    fields = owned_fields(body)
    assert fields["f:data"] == {"f:a": {}, "f:b": {}}
    assert fields["f:immutable"] == {}


def test_identity_is_nobodys() -> None:
    metadata = {
        "namespace": "team-a",
        "name": "bot",
        "uid": "u",
        "resourceVersion": "1",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
    }
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    assert owned_fields(body) == {"f:metadata": {"f:labels": {"f:a": {}}, "f:annotations": {"f:c": {}}}}


def test_an_owner_reference_is_one_item_by_its_uid() -> None:
    owner = {"apiVersion": "x/v1", "kind": "LlamaStack", "name": "bot", "uid": "u", "controller": True}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"ownerReferences": [owner]}}
    assert owned_fields(body)["f:metadata"]["f:ownerReferences"] == {'k:{"uid":"u"}': {}}


KEYED = [
    (
        deployment(volumes=[{"name": "a", "emptyDir": {}}]),
        {"f:volumes": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:emptyDir": {}}}},
    ),
    (
        container(env=[{"name": "A", "value": "1"}])["f:env"],
        {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
    ),
    (
        container(volumeMounts=[{"name": "a", "mountPath": "/a"}])["f:volumeMounts"],
        {'k:{"mountPath":"/a"}': {".": {}, "f:name": {}, "f:mountPath": {}}},
    ),
    (
        container(ports=[{"name": "http", "containerPort": 8321, "protocol": "TCP"}])["f:ports"],
        {
            'k:{"containerPort":8321,"protocol":"TCP"}': {
                ".": {},
                "f:name": {},
                "f:containerPort": {},
                "f:protocol": {},
            }
        },
    ),
    (deployment(imagePullSecrets=[{"name": "a"}]), {"f:imagePullSecrets": {'k:{"name":"a"}': {}}}),
    (
        deployment(initContainers=[{"name": "install", "command": ["a"], "env": [{"name": "A", "value": "1"}]}]),
        {
            "f:initContainers": {
                'k:{"name":"install"}': {
                    ".": {},
                    "f:name": {},
                    "f:command": {},
                    "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
                }
            }
        },
    ),
    (
        deployment(topologySpreadConstraints=[{"whenUnsatisfiable": "X", "topologyKey": "zone", "maxSkew": 1}]),
        {
            "f:topologySpreadConstraints": {
                'k:{"topologyKey":"zone","whenUnsatisfiable":"X"}': {
                    ".": {},
                    "f:whenUnsatisfiable": {},
                    "f:topologyKey": {},
                    "f:maxSkew": {},
                }
            }
        },
    ),
]


@pytest.mark.parametrize(("fields", "expected"), KEYED)
def test_an_item_of_a_keyed_list_is_ours_by_its_key_and_field_by_field(fields: Any, expected: Any) -> None:
    assert fields == expected


def test_the_ports_of_a_service_have_a_key_of_their_own() -> None:
    spec = {"ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}]}
    fields = owned_fields({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": spec})
    assert list(fields["f:spec"]["f:ports"]) == ['k:{"port":80,"protocol":"TCP"}']


REQUIRED = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": []}]}}
PREFERRED = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}
ATOMIC = [
    (container(command=["a", "b"])["f:command"], {}),
    (container(envFrom=[{"configMapRef": {"name": "a"}}])["f:envFrom"], {}),
    (
        container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        {
            ".": {},
            "f:name": {},
            "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:valueFrom": {"f:secretKeyRef": {}}}},
        },
    ),
    (deployment(tolerations=[{"key": "a"}]), {"f:tolerations": {}}),
    (deployment(nodeSelector={"a": "b"}), {"f:nodeSelector": {}}),
    (
        deployment(affinity={"nodeAffinity": {**REQUIRED, **PREFERRED}}),
        {
            "f:affinity": {
                "f:nodeAffinity": {
                    "f:requiredDuringSchedulingIgnoredDuringExecution": {},
                    "f:preferredDuringSchedulingIgnoredDuringExecution": {},
                }
            }
        },
    ),
]


@pytest.mark.parametrize(("fields", "expected"), ATOMIC)
def test_a_list_without_keys_and_a_selector_are_ours_as_a_whole(fields: Any, expected: Any) -> None:
    assert fields == expected


def test_the_selector_of_a_deployment_is_ours_as_a_whole() -> None:
    spec = {"selector": {"matchLabels": {"a": "b"}}, "replicas": 1}
    fields = owned_fields({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec})
    assert fields["f:spec"] == {"f:selector": {}, "f:replicas": {}}
