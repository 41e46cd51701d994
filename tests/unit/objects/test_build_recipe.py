"""What a build's pod does, as a digest: the same for a Job as sent and as stored, another for what differs."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from llamastack_operator.objects.build_recipe import images_of, recipe_of
from llamastack_operator.workloads.build_job import job
from tests.support.build_attempts import SETTINGS, TOLD, build

EVERYTHING = {
    "pushSecretRef": {"name": "push"},
    "indexSecretRef": {"name": "index"},
    "caBundleRef": {"name": "ca", "key": "bundle.pem"},
    "workspaceMedium": "Memory",
}


def sent() -> dict[str, Any]:
    spec: dict[str, Any] = job(build({"access": EVERYTHING}), 1, SETTINGS, TOLD)["spec"]["template"]["spec"]
    return spec


def stored() -> dict[str, Any]:
    """Return the same with what an API server fills in, and what a scheduler and a runtime class add."""
    spec = copy.deepcopy(sent())
    spec |= {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "serviceAccountName": "default"}
    spec |= {"nodeName": "one", "tolerations": [{"key": "node.kubernetes.io/not-ready"}]}
    for container in (*spec["initContainers"], *spec["containers"]):
        container |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}
    for volume in spec["volumes"]:
        for kind in ("configMap", "secret"):
            if kind in volume:
                volume[kind].setdefault("defaultMode", 420)
    return spec


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    assert recipe_of(stored()) == recipe_of(sent())


def test_images_are_looked_at_apart() -> None:
    other = sent()
    other["containers"][0]["image"] = "registry.example/other"
    assert recipe_of(other) == recipe_of(sent())
    assert images_of(other) != images_of(sent())


@pytest.mark.parametrize(
    "change",
    [
        {"hostPID": True},
        {"hostNetwork": True},
        {"shareProcessNamespace": True},
        {"volumes": []},
        {"initContainers": []},
        {"containers": [{"name": "more"}]},
    ],
)
def test_what_lets_others_at_a_container_is_a_difference(change: dict[str, Any]) -> None:
    assert recipe_of({**sent(), **change}) != recipe_of(sent())


@pytest.mark.parametrize(
    "source",
    [{"configMap": {"name": "mine"}}, {"emptyDir": {}}, {"secret": {"secretName": "mine"}}, {"nfs": {"path": "/"}}],
)
def test_inputs_from_elsewhere_are_a_difference(source: dict[str, Any]) -> None:
    other = sent()
    other["volumes"][0] = {"name": "inputs", **source}
    assert recipe_of(other) != recipe_of(sent())
