"""What a stack becomes on a real API server: its objects, and how they follow the spec."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from llamastack_operator.kube.echo import head_of
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.managed_fields import owned_fields_of
from tests.cluster.kubectl import KubectlError
from tests.e2e.operator import PATIENCE, Stacks, eventually
from tests.e2e.test_references import config_map
from tests.support import full_example
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

KINDS = "configmap,serviceaccount,persistentvolumeclaim,service,deployment,poddisruptionbudget,horizontalpodautoscaler"
OURS = "app.kubernetes.io/managed-by=llamastack-operator,llamastack.dev/stack"


def children(stacks: Stacks) -> dict[str, Any]:
    items = stacks.kubectl.json("get", KINDS, "-l", OURS, "--show-managed-fields")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in items}


def container(stacks: Stacks, name: str) -> Any:
    return stacks.kubectl.json("get", "deployment", name)["spec"]["template"]["spec"]["containers"][0]


def test_a_small_stack_has_a_config_an_account_a_service_and_a_deployment(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("small"))
    stack = stacks.settled("small")
    kinds = sorted(name.split("/")[0] for name in children(stacks))
    assert kinds == ["ConfigMap", "Deployment", "Service", "ServiceAccount"]
    assert stack["status"]["url"] == f"http://small.{stack['metadata']['namespace']}.svc:8321"
    for child in children(stacks).values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (stack["metadata"]["uid"], True)


def test_text_beyond_the_basic_plane_is_served_as_it_was_written(stacks: Stacks) -> None:
    """Server-side apply reads YAML, which is not all JSON: no stack with an emoji anywhere got as far as a status."""
    words = "\U0001f999 says \x83 \x85 \u2028 \ufeff"
    env = [{"name": "GREETING", "value": words}]
    body = minimal("llama", server={"env": env})
    body["spec"]["runConfig"][words] = words
    stacks.kubectl("create", "-f", "-", stdin=json.dumps(body))
    stacks.condition("llama", "ConfigValid", "True", "Valid")
    pod = eventually(lambda: stacks.get("deployment", "llama"))["spec"]["template"]["spec"]
    assert env[0] in pod["containers"][0]["env"]
    (config,) = (one for one in pod["volumes"] if one["name"] == "llamastack-config")
    text = stacks.get("configmap", config["configMap"]["name"])["data"]["run.yaml"]
    assert yaml.safe_load(text)[words] == words
    assert any(words.split()[0] in one["message"] for one in stacks.settled("llama")["status"]["findings"])


def test_pods_get_no_token_and_the_restricted_profile(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("safe"))
    stacks.settled("safe")
    pod = stacks.kubectl.json("get", "deployment", "safe")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert stacks.kubectl.json("get", "serviceaccount", "safe")["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    # The namespace enforces the restricted profile, so the pod's existence is the API server's own judgement.
    eventually(lambda: stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/stack=safe")["items"])


def test_the_operator_predicts_the_fields_that_the_api_server_records_as_ours(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("my-providers", **{"custom_ollama.yaml": full_example.PROVIDER}))
    stacks.kubectl.apply(config_map("my-apis", **{"weather.yaml": full_example.API}))
    stacks.kubectl.apply(full_without_packages())
    stacks.settled("full")
    seen = children(stacks)
    assert len(seen) == 7
    for name, child in seen.items():
        recorded = owned_fields_of(child["metadata"])
        assert recorded == owned_fields(only(child, recorded)), name


def full_without_packages() -> dict[str, Any]:
    """Return the first stack of the example with every field, but for those that would have to be installed first."""
    body = copy.deepcopy(full_example.stacks()["full"])
    for entry in (*body["spec"]["externalProviders"], *body["spec"]["externalApis"]):
        del entry["packages"]
    return body


def only(value: Any, fields: Any) -> Any:
    """Return the part of a live object that a `fieldsV1` speaks of, with what every object has."""
    if isinstance(value, dict):
        kept = {key: only(value[key], fields[f"f:{key}"]) for key in value if f"f:{key}" in fields}
        identity = {key: value[key] for key in ("apiVersion", "kind", "metadata") if key in value and key not in kept}
        return {**identity, **kept} if fields else value
    if isinstance(value, list) and fields:
        return [only(item, part) for item in value for key, part in fields.items() if matches(item, key)]
    return value


def matches(item: Any, key: str) -> bool:
    return all(item.get(name) == value for name, value in json.loads(key[2:]).items())


def test_a_field_that_leaves_the_spec_leaves_the_children(stacks: Stacks) -> None:
    rich = {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "fast"},
        "replicas": 3,
    }
    stacks.kubectl.apply(minimal("shrinks", server=rich, network={"service": {"annotations": {"a.example/b": "c"}}}))
    stacks.settled("shrinks")
    assert "PodDisruptionBudget/shrinks" in children(stacks)
    stacks.kubectl.apply(minimal("shrinks", server={"env": [{"name": "A", "value": "1"}]}))

    def gone() -> bool:
        deployment = stacks.kubectl.json("get", "deployment", "shrinks")["spec"]
        server = deployment["template"]["spec"]["containers"][0]
        names = [entry["name"] for entry in server["env"]]
        assert deployment["replicas"] == 1
        assert "nodeSelector" not in deployment["template"]["spec"]
        assert server["resources"] == {}
        assert "a.example/b" not in stacks.kubectl.json("get", "service", "shrinks")["metadata"]["annotations"]
        assert "PodDisruptionBudget/shrinks" not in children(stacks)
        return "A" in names and "B" not in names

    eventually(gone)


@pytest.mark.parametrize("path", ["api/v1", "apis/apps/v1"])
def test_what_comes_back_of_an_own_write_is_recognised_before_it_is_decoded(path: str, stacks: Stacks) -> None:
    """Else nothing would be wrong but the time that it takes."""
    stacks.kubectl.apply(minimal("echoes"))
    namespace = stacks.settled("echoes")["metadata"]["namespace"]
    plural = "deployments" if "apps" in path else "services"
    query = "watch=true&timeoutSeconds=1"
    events = stacks.kubectl("get", "--raw", f"/{path}/namespaces/{namespace}/{plural}?{query}").splitlines()
    (found,) = [head_of(event.encode()) for event in events if '"name":"echoes"' in event][:1]
    body = stacks.get(plural, "echoes")
    assert found is not None
    assert (found.key, found.uid) == ((namespace, "echoes"), body["metadata"]["uid"])


DRIFT = {
    "an edited image": (
        "deployment",
        {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "evil:1"}]}}}},
    ),
    "edited replicas": ("deployment", {"spec": {"replicas": 5}}),
    "a removed label": ("service", {"metadata": {"labels": {"llamastack.dev/stack": None}}}),
    "a removed owner": ("deployment", {"metadata": {"ownerReferences": None}}),
    "an edited port": ("service", {"spec": {"ports": [{"name": "http", "port": 8321, "targetPort": 9}]}}),
    "a token for the account": ("serviceaccount", {"automountServiceAccountToken": True}),
    "a removed annotation": ("deployment", {"metadata": {"annotations": {"llamastack.dev/applied": None}}}),
}


@pytest.mark.parametrize("case", DRIFT)
def test_drift_is_healed(case: str, stacks: Stacks) -> None:
    kind, patch = DRIFT[case]
    stacks.kubectl.apply(minimal("drifts"))
    stacks.settled("drifts")
    before = comparable(stacks.kubectl.json("get", kind, "drifts"))
    stacks.kubectl("patch", kind, "drifts", "--type", "strategic", "-p", json.dumps(patch))
    eventually(lambda: comparable(stacks.kubectl.json("get", kind, "drifts")) == before)


def test_who_made_a_change_that_was_undone_is_told(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("edited"))
    stacks.settled("edited")
    stacks.kubectl("scale", "deployment", "edited", "--replicas", "7")

    def told() -> bool:
        events = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.kind=LlamaStack")["items"]
        words = [event["message"] for event in events if event["reason"] == "DriftCorrected"]
        return words == ["'kubectl' changed spec.replicas of Deployment 'edited'; it was set back"]

    eventually(told)
    assert stacks.get("deployment", "edited")["spec"]["replicas"] == 1


def comparable(body: Any) -> Any:
    metadata = {key: body["metadata"].get(key) for key in ("labels", "ownerReferences")}
    annotations = body["metadata"]["annotations"]
    kept = {key: value for key, value in annotations.items() if key.startswith("llamastack.dev/")}
    rest = {key: body[key] for key in body if key in ("spec", "data", "automountServiceAccountToken")}
    return {**rest, "metadata": metadata, "annotations": kept}


def test_a_deleted_child_comes_back(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("loses"))
    stacks.settled("loses")
    for kind in ("service", "serviceaccount", "deployment"):
        stacks.kubectl("delete", kind, "loses")
        eventually(lambda kind=kind: stacks.get(kind, "loses"))


def test_what_others_add_is_left_alone(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("shared"))
    stacks.settled("shared")
    stacks.kubectl("annotate", "deployment", "shared", "example.com/note=mine")
    stacks.kubectl("label", "service", "shared", "team=blue")
    stacks.patch("shared", '{"spec": {"server": {"env": [{"name": "A", "value": "2"}]}}}')
    eventually(lambda: any(entry["name"] == "A" for entry in container(stacks, "shared")["env"]))
    assert stacks.kubectl.json("get", "deployment", "shared")["metadata"]["annotations"]["example.com/note"] == "mine"
    assert stacks.kubectl.json("get", "service", "shared")["metadata"]["labels"]["team"] == "blue"


def test_an_object_of_somebody_else_is_never_touched(stacks: Stacks) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "taken", "labels": {"app": "theirs"}},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
    }
    stacks.kubectl.apply(theirs)
    before = stacks.kubectl.json("get", "service", "taken")
    stacks.kubectl.apply(minimal("taken"))
    condition = stacks.condition("taken", "Ready", "False", "NameConflict")
    assert "a Service 'taken' exists" in condition["message"]
    assert stacks.conditions("taken")["Stalled"]["status"] == "True"
    assert stacks.kubectl.json("get", "service", "taken") == before
    stacks.kubectl("delete", "service", "taken")
    stacks.condition("taken", "Ready", "False", "Progressing")
    assert stacks.get("service", "taken")["spec"]["selector"]["llamastack.dev/stack"] == "taken"


def test_a_stack_made_anew_under_its_old_name_gets_objects_of_its_own(stacks: Stacks) -> None:
    stalled: list[str] = []
    stacks.kubectl.apply(minimal("again"))
    stacks.settled("again")
    stacks.kubectl("delete", "llamastack", "again", "--wait=true")
    stacks.kubectl.apply(minimal("again"))

    def owned() -> bool:
        conditions = stacks.get("llamastack", "again").get("status", {}).get("conditions", [])
        stalled.extend(one["reason"] for one in conditions if (one["type"], one["status"]) == ("Stalled", "True"))
        uid = stacks.kubectl.json("get", "llamastack", "again")["metadata"]["uid"]
        owners = [child["metadata"]["ownerReferences"][0]["uid"] for child in children(stacks).values()]
        return len(owners) == 4 and set(owners) == {uid}

    # A garbage collector that knows a new kind not yet learns of it within half a minute.
    eventually(owned, patience=60)
    stacks.condition("again", "Ready", "False", "Progressing")
    events = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.name=again")["items"]
    assert stalled == [], "tools that replace objects would call that a failure"
    assert "NameConflict" not in {event["reason"] for event in events}
    stacks.condition("again", "Ready", "False", "Progressing")


def test_deleting_a_stack_leaves_nothing(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("leaves", server={"replicas": 2, "storage": {"size": "1Gi", "onDelete": "Delete"}}))
    stacks.settled("leaves")
    assert len(children(stacks)) == 6
    stacks.kubectl("delete", "llamastack", "leaves")
    # Where this is the first test of a cluster, its collector has yet to learn of our kinds: it looks each half minute.
    eventually(lambda: not children(stacks), 3 * PATIENCE)
    eventually(lambda: not stacks.kubectl.json("get", "configmaps", "-l", "llamastack.dev/start-program")["items"])


def test_what_the_api_server_refuses_is_told_in_the_words_of_the_spec(stacks: Stacks) -> None:
    resources = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    stacks.kubectl.apply(minimal("refused", server={"resources": resources}))
    stacks.condition("refused", "Ready", "False", "Rejected")
    (finding,) = stacks.kubectl.json("get", "llamastack", "refused")["status"]["findings"]
    assert finding["path"] == "spec.server.resources.requests"
    assert stacks.conditions("refused")["Stalled"]["status"] == "True"
    stacks.patch("refused", '{"spec": {"server": {"resources": null}}}')
    stacks.condition("refused", "Ready", "False", "Progressing")
    assert "findings" not in stacks.kubectl.json("get", "llamastack", "refused")["status"]


def test_suspend_takes_the_pods_and_keeps_the_rest(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("sleeps", server={"replicas": 2}))
    stacks.settled("sleeps")
    stacks.patch("sleeps", '{"spec": {"suspend": true}}')
    stacks.condition("sleeps", "Ready", "True", "Suspended")
    assert stacks.conditions("sleeps")["Available"]["reason"] == "Suspended"
    assert stacks.get("deployment", "sleeps")["spec"]["replicas"] == 0
    assert stacks.get("service", "sleeps")
    stacks.patch("sleeps", '{"spec": {"suspend": false}}')
    eventually(lambda: stacks.get("deployment", "sleeps")["spec"]["replicas"] == 2)


def test_an_autoscaler_takes_the_replicas_over_without_a_dip(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("scales", server={"replicas": 4}))
    stacks.settled("scales")
    stacks.patch(
        "scales", '{"spec": {"server": {"replicas": null, "autoscaling": {"minReplicas": 2, "maxReplicas": 6}}}}'
    )
    eventually(lambda: stacks.get("horizontalpodautoscaler", "scales"))
    assert stacks.get("deployment", "scales")["spec"]["replicas"] == 4
    stacks.kubectl("scale", "deployment", "scales", "--replicas=5")
    stacks.patch("scales", '{"spec": {"server": {"env": [{"name": "A", "value": "1"}]}}}')
    eventually(lambda: any(entry["name"] == "A" for entry in container(stacks, "scales")["env"]))
    assert stacks.get("deployment", "scales")["spec"]["replicas"] == 5
    stacks.patch("scales", '{"spec": {"server": {"replicas": 3, "autoscaling": null}}}')
    eventually(lambda: stacks.get("deployment", "scales")["spec"]["replicas"] == 3)
    eventually(lambda: stacks.get("horizontalpodautoscaler", "scales") is None)


def test_a_suspended_stack_with_an_autoscaler_wakes_up(stacks: Stacks) -> None:
    """An autoscaler leaves a Deployment without replicas alone, so waking up must not leave it at none."""
    scaled = {"autoscaling": {"minReplicas": 1, "maxReplicas": 3}}
    stacks.kubectl.apply(minimal("wakes", server=scaled, suspend=True))
    eventually(lambda: stacks.get("deployment", "wakes")["spec"]["replicas"] == 0)
    assert stacks.get("horizontalpodautoscaler", "wakes") is None
    stacks.patch("wakes", '{"spec": {"suspend": false}}')
    eventually(lambda: stacks.get("horizontalpodautoscaler", "wakes"))
    eventually(lambda: stacks.get("deployment", "wakes")["spec"]["replicas"] >= 1)


def test_kubectl_scale_works_on_a_stack(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("steps", server={"replicas": 1}))
    stacks.settled("steps")
    stacks.kubectl("scale", "llamastack", "steps", "--replicas=3")
    eventually(lambda: stacks.get("deployment", "steps")["spec"]["replicas"] == 3)


class TestStorage:
    def test_a_claim_is_kept_without_an_owner_and_adopted_by_name_only(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(minimal("keeps", server={"storage": {"size": "1Gi"}}))
        stacks.settled("keeps")
        claim = stacks.get("pvc", "keeps-data")
        assert "ownerReferences" not in claim["metadata"]
        stacks.kubectl("delete", "llamastack", "keeps")
        eventually(lambda: stacks.get("deployment", "keeps") is None)

        stacks.kubectl.apply(minimal("keeps", server={"storage": {"size": "1Gi"}}))
        condition = stacks.condition("keeps", "ConfigValid", "False", "ClaimExists")
        assert "made for another stack" in condition["message"]
        assert stacks.get("deployment", "keeps") is None

        stacks.kubectl.apply(minimal("keeps", server={"storage": {"claimName": "keeps-data"}}))
        stacks.condition("keeps", "ConfigValid", "True", "Valid")
        volumes = stacks.get("deployment", "keeps")["spec"]["template"]["spec"]["volumes"]
        assert {"claimName": "keeps-data"} in [volume.get("persistentVolumeClaim") for volume in volumes]
        assert stacks.get("pvc", "keeps-data")["metadata"]["uid"] == claim["metadata"]["uid"]

    def test_a_volume_of_one_node_is_handed_over_and_a_shared_one_rolls(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(minimal("one-node", server={"storage": {"size": "1Gi"}}))
        stacks.kubectl.apply(minimal("shared", server={"storage": {"size": "1Gi", "accessMode": "ReadWriteMany"}}))
        stacks.settled("one-node")
        stacks.settled("shared")
        assert stacks.get("deployment", "one-node")["spec"]["strategy"] == {"type": "Recreate"}
        assert stacks.get("deployment", "shared")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0

    def test_a_claim_survives_that_storage_leaves_the_spec(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(minimal("forgets", server={"storage": {"size": "1Gi"}}))
        stacks.settled("forgets")
        stacks.patch("forgets", '{"spec": {"server": {"storage": null}}}')
        stacks.settled("forgets")
        eventually(lambda: "persistentVolumeClaim" not in json.dumps(stacks.get("deployment", "forgets")["spec"]))
        assert stacks.get("pvc", "forgets-data")


def test_the_status_of_a_stack_cannot_be_forged_for_long(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("forged"))
    stacks.settled("forged")
    forged = '{"status": {"url": "http://evil.example"}}'
    stacks.kubectl("patch", "llamastack", "forged", "--subresource", "status", "--type", "merge", "-p", forged)
    eventually(lambda: "evil" not in stacks.get("llamastack", "forged")["status"]["url"])


def test_the_operator_writes_nothing_on_users_objects_but_their_status(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("clean"))
    stacks.settled("clean")
    metadata = stacks.kubectl.json("get", "llamastack", "clean", "--show-managed-fields")["metadata"]
    assert "annotations" not in metadata
    assert "finalizers" not in metadata
    by_us = [entry for entry in metadata["managedFields"] if entry["manager"].startswith(("llamastack", "kopf"))]
    assert [entry["subresource"] for entry in by_us] == ["status"]


def test_an_orphan_is_adopted_by_a_stack_of_its_name(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("orphan"))
    stacks.settled("orphan")
    before = stacks.get("deployment", "orphan")["metadata"]["uid"]
    stacks.kubectl("delete", "llamastack", "orphan", "--cascade=orphan")
    eventually(lambda: "ownerReferences" not in stacks.get("deployment", "orphan")["metadata"])
    stacks.kubectl.apply(minimal("orphan"))
    stacks.condition("orphan", "Ready", "False", "Progressing")
    after = stacks.get("deployment", "orphan")["metadata"]
    assert (after["uid"], len(after["ownerReferences"])) == (before, 1)


def test_a_namespace_that_goes_takes_its_stacks_quietly(stacks: Stacks) -> None:
    namespace = f"{stacks.kubectl.namespace}-goes"
    stacks.kubectl("create", "namespace", namespace)
    stacks = Stacks(stacks.kubectl.within(namespace))
    stacks.kubectl.apply(minimal("goes"))
    stacks.settled("goes")
    stacks.kubectl("delete", "namespace", namespace, "--wait=false")

    def gone() -> bool:
        try:
            stacks.kubectl("get", "namespace", namespace)
        except KubectlError as error:
            return "NotFound" in error.stderr
        return False

    eventually(gone, patience=60)
