"""References of a stack to ConfigMaps and Secrets: missing ones are named, waited for and picked up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.e2e.operator import Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

RUN_CONFIG = (
    "version: 2\ndistro_name: mine\nproviders:\n  inference:\n  - {provider_id: a, provider_type: remote::vllm}\n"
)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def from_config_map(stack: str, name: str, key: str = "run.yaml") -> dict[str, Any]:
    body = minimal(stack, runConfigFrom={"configMapKeyRef": {"name": name, "key": key}})
    del body["spec"]["runConfig"]
    return body


def revision(stacks: Stacks, name: str) -> str:
    template = stacks.kubectl.json("get", "deployment", name)["spec"]["template"]
    return str(template["metadata"]["annotations"]["llamastack.dev/revision"])


def served_config(stacks: Stacks, name: str) -> str:
    deployment = stacks.kubectl.json("get", "deployment", name)
    volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    config = stacks.kubectl.json("get", "configmap", volumes["llamastack-config"]["configMap"]["name"])
    return str(config["data"]["run.yaml"])


def test_a_missing_config_map_is_named_and_picked_up_when_it_arrives(stacks: Stacks) -> None:
    stacks.kubectl.apply(from_config_map("waits", "later"))
    condition = stacks.condition("waits", "ConfigValid", "False", "MissingReference")
    assert "the ConfigMap 'later' does not exist" in condition["message"]
    assert stacks.conditions("waits")["Stalled"]["status"] == "False"
    assert stacks.conditions("waits")["Reconciling"]["status"] == "True"
    stacks.kubectl.apply(config_map("later", other="x"))
    eventually(lambda: "has no key 'run.yaml'" in stacks.conditions("waits")["ConfigValid"]["message"])
    stacks.kubectl.apply(config_map("later", **{"run.yaml": RUN_CONFIG}))
    stacks.condition("waits", "ConfigValid", "True", "Valid")
    assert served_config(stacks, "waits") == RUN_CONFIG


def test_an_edited_config_map_rolls_the_pods_and_a_touch_does_not(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("edited", **{"run.yaml": RUN_CONFIG, "note": "1"}))
    stacks.kubectl.apply(from_config_map("follows", "edited"))
    stacks.condition("follows", "ConfigValid", "True", "Valid")
    before = revision(stacks, "follows")

    stacks.kubectl("annotate", "configmap", "edited", "example.com/touched=yes")
    stacks.kubectl.apply(config_map("edited", **{"run.yaml": RUN_CONFIG, "note": "2"}))
    stacks.kubectl.apply(config_map("edited", **{"run.yaml": RUN_CONFIG + "# edited\n", "note": "2"}))
    eventually(lambda: served_config(stacks, "follows").endswith("# edited\n"))
    assert revision(stacks, "follows") != before
    replica_sets = stacks.kubectl.json("get", "replicasets", "-l", "llamastack.dev/stack=follows")["items"]
    assert len(replica_sets) == 2, "the annotation and the unused key must not have made revisions of their own"


def test_a_copy_of_a_config_map_of_ours_is_followed_though_it_bears_our_label(stacks: Stacks) -> None:
    """As `kubectl get -o yaml` and another name make it."""
    labels = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": "other"}
    for text in (RUN_CONFIG, RUN_CONFIG + "# edited\n"):
        copy = config_map("copy", **{"run.yaml": text})
        stacks.kubectl.apply({**copy, "metadata": {"name": "copy", "labels": labels}})
        stacks.kubectl.apply(from_config_map("copied", "copy"))
        eventually(lambda text=text: served_config(stacks, "copied") == text)


def test_a_broken_edit_of_a_config_map_leaves_the_deployment_alone(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("breaks", **{"run.yaml": RUN_CONFIG}))
    stacks.kubectl.apply(from_config_map("steady", "breaks"))
    stacks.condition("steady", "ConfigValid", "True", "Valid")
    before = revision(stacks, "steady")
    stacks.kubectl.apply(config_map("breaks", **{"run.yaml": "providers: [\n"}))
    condition = stacks.condition("steady", "ConfigValid", "False", "InvalidRunConfig")
    assert "not valid YAML in line 2" in condition["message"]
    assert revision(stacks, "steady") == before
    stacks.kubectl.apply(config_map("breaks", **{"run.yaml": RUN_CONFIG}))
    stacks.condition("steady", "ConfigValid", "True", "Valid")


def test_a_deleted_config_map_is_noticed(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("goes", **{"run.yaml": RUN_CONFIG}))
    stacks.kubectl.apply(from_config_map("bereft", "goes"))
    stacks.condition("bereft", "ConfigValid", "True", "Valid")
    stacks.kubectl("delete", "configmap", "goes")
    stacks.condition("bereft", "ConfigValid", "False", "MissingReference")
    assert stacks.get("deployment", "bereft")


def test_all_that_is_missing_is_told_at_once(stacks: Stacks) -> None:
    env = [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "a"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s2", "key": "b"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c1", "key": "c"}}},
        {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "c2", "key": "d", "optional": True}}},
    ]
    stacks.kubectl.apply(secret("s2", other="x"))
    volumes = [{"name": "v", "secret": {"secretName": "s3"}}]
    server = {
        "env": env,
        "envFrom": [{"secretRef": {"name": "s4"}}],
        "storage": {"claimName": "p1"},
        "podTemplate": {"volumes": volumes},
    }
    stacks.kubectl.apply(minimal("many", server=server))
    stacks.condition("many", "ConfigValid", "False", "MissingReference")
    findings = stacks.kubectl.json("get", "llamastack", "many")["status"]["findings"]
    assert [finding["path"] for finding in findings] == [
        "spec.server.env[0].valueFrom.secretKeyRef",
        "spec.server.env[1].valueFrom.secretKeyRef",
        "spec.server.env[2].valueFrom.configMapKeyRef",
        "spec.server.envFrom[0].secretRef",
        "spec.server.storage.claimName",
        "spec.server.podTemplate.volumes[0].secret",
    ]
    assert "has no key 'b'" in findings[1]["message"]
    assert stacks.get("deployment", "many") is None


def test_a_secret_that_arrives_is_picked_up(stacks: Stacks) -> None:
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}]
    stacks.kubectl.apply(minimal("needs", server={"env": env}))
    stacks.condition("needs", "ConfigValid", "False", "MissingReference")
    stacks.kubectl.apply(secret("token", value="hunter2"))
    stacks.condition("needs", "ConfigValid", "True", "Valid")
    assert stacks.get("deployment", "needs")


def test_the_value_of_a_secret_is_in_no_log_and_no_status(
    stacks: Stacks, operator: Any, control_plane: ControlPlane
) -> None:
    stacks.kubectl.apply(secret("quiet", value="correct-horse-battery-staple"))
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "quiet", "key": "value"}}}]
    stacks.kubectl.apply(minimal("quiet", server={"env": env}))
    stacks.condition("quiet", "ConfigValid", "True", "Valid")
    everything = stacks.kubectl("get", "llamastacks,deployments,configmaps,events", "-o", "yaml")
    assert "correct-horse" not in everything
    assert "correct-horse" not in operator.log.read_text()


def test_a_wrong_run_config_tells_all_its_mistakes_with_their_places(stacks: Stacks) -> None:
    run_config = {
        "apis": "inference",
        "providers": {
            "inference": [{"provider_id": "a"}, "remote::vllm"],
            "safety": {"provider_type": "inline::llama-guard"},
            "files": [{"provider_type": "inline::localfs", "config": []}],
        },
    }
    stacks.kubectl.apply(minimal("shapeless", runConfig=run_config))
    stacks.condition("shapeless", "ConfigValid", "False", "InvalidRunConfig")
    findings = stacks.kubectl.json("get", "llamastack", "shapeless")["status"]["findings"]
    # The API server keeps the keys of a mapping in its own order.
    assert sorted(finding["path"] for finding in findings) == [
        "spec.runConfig.apis",
        "spec.runConfig.providers.files[0].config",
        "spec.runConfig.providers.files[0].provider_id",
        "spec.runConfig.providers.inference[0].provider_type",
        "spec.runConfig.providers.inference[1]",
        "spec.runConfig.providers.safety",
    ]
    assert all(finding["hint"] for finding in findings)
    assert stacks.conditions("shapeless")["Stalled"]["status"] == "True"


def test_an_invalid_edit_leaves_the_deployment_alone(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("sturdy"))
    stacks.settled("sturdy")
    before = revision(stacks, "sturdy")
    stacks.kubectl.apply(minimal("sturdy", runConfig={"providers": []}))
    stacks.condition("sturdy", "Ready", "False", "InvalidRunConfig")
    assert revision(stacks, "sturdy") == before
    events = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.name=sturdy")["items"]
    assert [
        (event["type"], event["reason"]) for event in events if event["source"]["component"] == "llamastack-operator"
    ] == [("Warning", "InvalidRunConfig")]
