"""What a hostile tenant can store; the rows of docs/threat-model.md that need a real API server."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl
from tests.cluster.processes import free_port
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.e2e.test_references import config_map, from_config_map
from tests.support.hostile import ATTEMPTS, BOMBS, LARGE, WORDS, job, long_deployment, with_value, words
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

DEPTH = 9_000
"""Near the 10,000 levels that the API server itself takes."""


def create_raw(kubectl: Kubectl, body: str) -> None:
    """Send JSON as it is: kubectl's own decoder would refuse what the API server takes."""
    path = f"/apis/llamastack.dev/v1alpha1/namespaces/{kubectl.namespace}/llamastacks"
    kubectl("create", "--raw", path, "-f", "-", stdin=body)


def nested(name: str) -> str:
    body = json.dumps(minimal(name, runConfig={"providers": {}, "deep": "HERE"}))
    return body.replace('"HERE"', "[" * DEPTH + "]" * DEPTH)


def test_a_run_config_nested_without_end_is_a_finding_and_harms_nobody(
    stacks: Stacks, operator: OperatorProcess
) -> None:
    create_raw(stacks.kubectl, nested("abyss"))
    # Only the status: this test's own decoder has the same bound.
    told = "jsonpath={.status.conditions[?(@.type=='ConfigValid')].message}"
    eventually(lambda: "nested deeper than 100 levels" in stacks.kubectl("get", "llamastack", "abyss", "-o", told))
    operator.stop()
    operator.start()
    stacks.kubectl.apply(minimal("bystander"))
    stacks.condition("bystander", "ConfigValid", "True", "Valid")


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_yaml_bomb_in_a_config_map_is_a_finding_and_harms_nobody(bomb: str, stacks: Stacks) -> None:
    stacks.kubectl("create", "-f", "-", stdin=config_map("bomb", **{"run.yaml": BOMBS[bomb]}))
    stacks.kubectl.apply(from_config_map("bombed", "bomb"))
    stacks.condition("bombed", "ConfigValid", "False", "InvalidRunConfig")
    stacks.kubectl.apply(minimal("bystander"))
    stacks.condition("bystander", "ConfigValid", "True", "Valid")


@pytest.mark.parametrize("text", WORDS)
def test_a_text_that_a_slow_expression_would_never_finish_stalls_nobody(
    text: str, stacks: Stacks, operator: OperatorProcess
) -> None:
    """Not at its creation, and not at a start that finds it; of the stack itself the finding names the place."""
    stacks.kubectl("create", "-f", "-", stdin=json.dumps(minimal("stall", runConfig=words(text))))
    stacks.kubectl.apply(minimal("before"))
    stacks.condition("before", "ConfigValid", "True", "Valid")
    operator.stop()
    operator.start()
    stacks.kubectl.apply(minimal("after"))
    stacks.condition("after", "ConfigValid", "True", "Valid")
    eventually(lambda: stacks.get("deployment", "after"))
    told = stacks.settled("stall")["status"]["findings"]
    assert any("spec.runConfig.providers.inference[0]" in str(finding.get("path")) for finding in told), told


def test_a_job_with_a_number_that_is_none_stops_no_informer(stacks: Stacks, operator: OperatorProcess) -> None:
    """The admission policy refuses such a Job; here it is not installed."""
    for name, attempt in ATTEMPTS.items():
        stacks.kubectl.apply(job(name, attempt))
    operator.stop()
    operator.start()
    stacks.kubectl.apply(minimal("bystander"))
    stacks.condition("bystander", "ConfigValid", "True", "Valid")


def forged(kind: str, api_version: str, name: str, stack: str, **parts: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": stack}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}, **parts}


def test_a_forged_label_makes_nothing_ours(stacks: Stacks) -> None:
    """An object that bears our labels, but that we did not make, is neither overwritten nor deleted."""
    stacks.kubectl.apply(forged("ConfigMap", "v1", "precious", "victim", data={"a": "b"}))
    stacks.kubectl.apply(forged("Secret", "v1", "victim", "victim", stringData={"a": "b"}))
    stacks.kubectl.apply(forged("ServiceAccount", "v1", "victim", "victim"))
    stacks.kubectl.apply(minimal("victim"))
    stacks.condition("victim", "Ready", "False", "NameConflict")
    assert stacks.get("configmap", "precious")["data"] == {"a": "b"}
    assert "ownerReferences" not in stacks.get("serviceaccount", "victim")["metadata"]


def forged_server(stack: str) -> list[dict[str, Any]]:
    """Return a Deployment and a Service that bear the labels of a stack, and come before its own by their names."""
    labels = {"llamastack.dev/stack": stack, "mine": "1"}
    context = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    context["seccompProfile"] = {"type": "RuntimeDefault"}
    container = {"name": "server", "image": "registry.example/mine:1", "securityContext": context}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"mine": "1"}}, "template": template}
    ports = {"ports": [{"port": 8321}], "selector": {"mine": "1"}}
    return [
        forged("Deployment", "apps/v1", "aaa", stack, spec=spec),
        forged("Service", "v1", "aaa", stack, spec=ports),
    ]


def test_a_forged_server_speaks_for_no_stack(stacks: Stacks) -> None:
    """Neither is the stack ready by it, nor does a config go that its own pods need. There is no node: pods say that
    they serve because the test writes it."""
    stacks.kubectl.apply(minimal("served"))
    stacks.condition("served", "Ready", "False", "Progressing")
    (config,) = configs(stacks, "served")
    for body in forged_server("served"):
        stacks.kubectl.apply(body)
    another = {"inference": [{"provider_id": "another", "provider_type": "remote::vllm"}]}
    stacks.patch("served", json.dumps({"spec": {"runConfig": {"providers": another}}}))
    eventually(lambda: len(configs(stacks, "served")) == 2)
    pods = eventually(lambda: stacks.kubectl.json("get", "pods", "-l", "mine=1")["items"])
    ready = {"type": "Ready", "status": "True"}
    said = json.dumps({"status": {"phase": "Running", "conditions": [ready]}})
    stacks.kubectl(
        "patch", "pod", pods[0]["metadata"]["name"], "--subresource", "status", "--type", "merge", "-p", said
    )
    eventually(lambda: stacks.get("deployment", "aaa")["status"].get("availableReplicas") == 1)
    stacks.kubectl("annotate", "llamastack", "served", "llamastack.dev/rebuild=look")
    stacks.condition("served", "Available", "False", "NoReplicasAvailable")
    assert stacks.conditions("served")["Ready"]["status"] == "False"
    assert config in configs(stacks, "served")
    stacks.kubectl("delete", "deployment,service", "aaa", "--wait=false")


def configs(stacks: Stacks, stack: str) -> list[str]:
    """Return the ConfigMaps with run configs of a stack, by name."""
    found = stacks.kubectl.json("get", "configmaps", "-l", f"llamastack.dev/stack={stack}")["items"]
    return sorted(one["metadata"]["name"] for one in found if "-config-" in one["metadata"]["name"])


def test_an_owner_of_another_namespace_reaches_nobody(stacks: Stacks) -> None:
    """An object whose owner is a stack elsewhere asks for nothing there: keys are of one namespace."""
    stacks.kubectl.apply(minimal("here"))
    uid = stacks.settled("here")["metadata"]["uid"]
    elsewhere = f"{stacks.kubectl.namespace}-elsewhere"
    stacks.kubectl("create", "namespace", elsewhere)
    owner = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "name": "here",
        "uid": uid,
        "controller": True,
    }
    body = forged("ConfigMap", "v1", "stray", "here", data={})
    body["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    stacks.kubectl.within(elsewhere).apply(body)
    before = stacks.get("llamastack", "here")["metadata"]["resourceVersion"]
    # The garbage collector takes the stray, whose owner does not exist in its namespace; we write nothing.
    eventually(lambda: Stacks(stacks.kubectl.within(elsewhere)).get("configmap", "stray") is None, patience=60)
    assert stacks.get("llamastack", "here")["metadata"]["resourceVersion"] == before
    stacks.kubectl("delete", "namespace", elsewhere, "--wait=false")


def test_an_operator_that_loses_its_rights_ends_or_waits_but_does_no_harm(
    stacks: Stacks, operator: OperatorProcess
) -> None:
    stacks.kubectl.apply(minimal("keeps"))
    before = stacks.settled("keeps")["status"]
    binding = stacks.kubectl.json("get", "clusterrolebinding", "llamastack-operator")
    stacks.kubectl("delete", "clusterrolebinding", "llamastack-operator")
    try:
        stacks.patch("keeps", '{"spec": {"server": {"env": [{"name": "A", "value": "1"}]}}}')
        with pytest.raises(AssertionError):
            eventually(lambda: stacks.settled("keeps"), patience=3)
        assert stacks.get("llamastack", "keeps")["status"]["conditions"] == before["conditions"]
    finally:
        kept = {key: binding[key] for key in ("apiVersion", "kind", "roleRef", "subjects")}
        stacks.kubectl.apply({**kept, "metadata": {"name": binding["metadata"]["name"]}})
    eventually(lambda: stacks.settled("keeps"), patience=90)


def test_an_operator_that_may_watch_nothing_never_calls_itself_healthy(served: ControlPlane, tmp_path: Path) -> None:
    port = free_port()
    process = OperatorProcess(served.kubeconfig_for("nobody"), tmp_path, "--health-port", str(port))
    process.launch()
    try:
        eventually(lambda: "cannot list llamastacks" in process.log.read_text())
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
        assert process.stop() == 0, "it can be ended while it waits"
    finally:
        process.kill()


MANY = 15
MOST_MEMORY = 256
"""MiB of resident memory that the operator and its readers may have together: half of what the chart gives it."""


@pytest.mark.parametrize("shape", LARGE)
def test_large_stacks_of_one_tenant_harm_no_other(shape: str, stacks: Stacks, operator: OperatorProcess) -> None:
    """Not when they come, not at a start that finds them; each is told what is wrong with it."""
    for number in range(MANY):
        create_raw(stacks.kubectl, with_value(minimal(f"large-{number}"), LARGE[shape]))
    stacks.kubectl.apply(minimal("before"))
    eventually(lambda: stacks.get("deployment", "before"))
    operator.stop()
    operator.start()
    stacks.kubectl.apply(minimal("after"))
    eventually(lambda: stacks.get("deployment", "after"))
    told = "jsonpath={.status.conditions[?(@.type=='ConfigValid')].reason}"
    for number in range(MANY):
        name = f"large-{number}"
        eventually(lambda name=name: stacks.kubectl("get", "llamastack", name, "-o", told) == "InvalidRunConfig")
    assert operator.peak_memory() < MOST_MEMORY


def test_a_run_config_that_grew_too_large_takes_nothing_from_what_runs(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("grows"))
    before = eventually(lambda: stacks.get("deployment", "grows"))
    patch = json.dumps({"spec": {"runConfig": {"x": "HERE"}}}).replace('"HERE"', LARGE["flat"])
    stacks.kubectl("patch", "llamastack", "grows", "--type", "merge", "--patch-file", "/dev/stdin", stdin=patch)
    stacks.condition("grows", "ConfigValid", "False", "InvalidRunConfig")
    assert stacks.get("deployment", "grows")["spec"] == before["spec"]


def test_hundreds_of_large_config_maps_of_one_tenant_harm_no_other(stacks: Stacks, operator: OperatorProcess) -> None:
    names = [f"large-{number}" for number in range(128)]
    for name in names:
        data = {"k": "a" * 1_040_000 + "\U0001f600"}
        stacks.kubectl("create", "-f", "-", stdin=config_map(name, **data))
    env = [
        {"name": f"A{number}", "valueFrom": {"configMapKeyRef": {"name": name, "key": "k"}}}
        for number, name in enumerate(names)
    ]
    stacks.kubectl.apply(minimal("refers", server={"env": env}))
    stacks.condition("refers", "ConfigValid", "False", "ReadingExceeded")
    operator.stop()
    operator.start()
    stacks.kubectl.apply(minimal("bystander"))
    eventually(lambda: stacks.get("deployment", "bystander"))
    assert operator.peak_memory() < MOST_MEMORY


def test_a_watch_line_of_megabytes_stops_no_informer(stacks: Stacks) -> None:
    """The API server writes each `<` as six bytes: 740 kB in etcd are 4.4 MB in a watch."""
    body = json.dumps(long_deployment("victim"))
    # kubectl would write them so as well, and the API server takes 3 MiB.
    path = f"/apis/apps/v1/namespaces/{stacks.kubectl.namespace}/deployments"
    stacks.kubectl("create", "--raw", path, "-f", "-", stdin=body)
    stacks.kubectl.apply(minimal("bystander"))
    eventually(lambda: stacks.get("deployment", "bystander"))


def test_edits_without_end_of_a_large_stack_stall_nobody(
    stacks: Stacks, operator: OperatorProcess, served: ControlPlane, tmp_path: Path
) -> None:
    """Each was decoded in the event loop: it stood still for seconds, until the kubelet would end the operator.

    `/healthz` answers after each edit in the time that the chart's probe has, and a bystander is served meanwhile.
    """
    port = free_port()
    create_raw(stacks.kubectl, with_value(minimal("edited"), LARGE["numbers in YAML"]))
    operator.stop()
    try:
        with OperatorProcess(served.kubeconfig, tmp_path, "--health-port", str(port)):
            for number in range(30):
                stacks.kubectl("label", "llamastack", "edited", f"edit={number}", "--overwrite")
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                    assert answer.status == 200
                if number == 10:
                    stacks.kubectl.apply(minimal("bystander"))
            stacks.condition("bystander", "ConfigValid", "True", "Valid")
            eventually(lambda: stacks.get("deployment", "bystander"))
    finally:
        operator.start()
