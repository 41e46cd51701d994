"""The whole product on a real node: the operator as a pod from its chart, real Llama Stack servers, real rollouts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.node import Node
from tests.e2e.installation import NAMESPACE, REPOSITORY
from tests.e2e.kstatus import kstatus
from tests.e2e.operator import Stacks, eventually, volume_by_hand

pytestmark = pytest.mark.node

SLOW = 180.0
"""Seconds that a rollout of real servers may take on a busy machine."""
VERDICT_TOLD_WITHIN = 10.0
"""Seconds after an edit within which the status must tell what is wrong with it, on a busy machine: usually one."""
CRASH_TOLD_WITHIN = 15.0
"""Seconds after a container's end within which the status must tell it."""


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace, with a model server for them."""
    node_kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
    return Stacks(node_kubectl)


def quickstart(**server: Any) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((REPOSITORY / "examples" / "quickstart.yaml").read_text())
    body["spec"]["server"].update(server)
    return body


def with_env(body: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    body["spec"]["server"]["env"].append({"name": name, "value": value})
    return body


def wrong(body: dict[str, Any]) -> dict[str, Any]:
    """A config that has the right shape, and that the server refuses at its start."""
    body["spec"]["runConfig"]["providers"]["inference"][0]["provider_type"] = "remote::vlm"
    return body


def crashing(body: dict[str, Any]) -> dict[str, Any]:
    """The same by a user who wants no more than a warning."""
    return {**body, "spec": {**wrong(body)["spec"], "startup": {"validation": "Warn"}}}


def wait_ready(stacks: Stacks, name: str = "quickstart") -> Any:
    stacks.kubectl("wait", "--for=condition=Ready", f"llamastack/{name}", f"--timeout={SLOW:.0f}s", timeout=SLOW + 30)
    return stacks.kubectl.json("get", "llamastack", name)


def state(stacks: Stacks, name: str = "quickstart") -> str:
    return kstatus(stacks.kubectl.json("get", "llamastack", name))


POLLER = """
import json, pathlib, sys, time, urllib.request
url, stop, patience = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
answers, failures = 0, []
while not stop.exists():
    try:
        with urllib.request.urlopen(url, timeout=patience) as response:
            assert response.status == 200
            response.read()
        answers += 1
    except Exception as error:
        failures.append(repr(error))
    time.sleep(0.05)
print(json.dumps({"answers": answers, "failures": failures}))
"""


@contextmanager
def polled(node: Node, url: str, folder: Path, patience: float = 5) -> Iterator[dict[str, Any]]:
    """Ask a Service all the time from a client on the node; the counts are there when the block ends.

    Args:
        node: the node.
        url: what is asked.
        folder: of the test.
        patience: the seconds in which an answer has to come.
    """
    stop, seen = folder / "stop", dict[str, Any]()
    enter = ["nsenter", "--target", str(node.record.first_process()), "--net", "--"]
    command = [*enter, sys.executable, "-c", POLLER, url, str(stop), str(patience)]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield seen
    finally:
        stop.touch()
        output, _ = client.communicate(timeout=30 + patience)
        seen.update(json.loads(output))


def service_url(stacks: Stacks, name: str = "quickstart") -> str:
    service = stacks.kubectl.json("get", "service", name)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}/v1/health"


def test_the_life_of_a_stack(installed: Node, stacks: Stacks, tmp_path: Path) -> None:
    """Apply, edit, err, insist on it, fix, delete; a client that never stops asking sees no failure."""
    stacks.kubectl.apply(quickstart(replicas=2))
    eventually(lambda: state(stacks) == "InProgress")
    stack = wait_ready(stacks)
    assert state(stacks) == "Current"
    eventually(lambda: stacks.kubectl.json("get", "llamastack", "quickstart")["status"]["release"] == "0.7.3")
    assert stack["status"]["image"].startswith("docker.io/llamastack/distribution-starter@sha256:")
    assert stack["status"]["readyReplicas"] == 2
    first_pods = pod_names(stacks)

    with polled(installed, service_url(stacks), tmp_path) as seen:
        stacks.kubectl.apply(with_env(quickstart(replicas=2), "EDITED", "yes"))
        assert state(stacks) == "InProgress", "a stale Ready must not count for a new generation"
        wait_ready(stacks)
        assert not pod_names(stacks) & first_pods, "the edit rolled all pods"
        assert state(stacks) == "Current"
        second_pods = pod_names(stacks)

        stacks.kubectl.apply(wrong(with_env(quickstart(replicas=2), "EDITED", "yes")))
        started = time.monotonic()
        told = stacks.condition("quickstart", "ProvidersResolved", "False", "UnknownProviderType")
        assert time.monotonic() - started < VERDICT_TOLD_WITHIN
        assert "remote::vlm" in told["message"]
        assert state(stacks) == "Failed", "only an edit can mend it"
        assert pod_names(stacks) == second_pods, "nothing was rolled"

        stacks.kubectl.apply(crashing(with_env(quickstart(replicas=2), "EDITED", "yes")))
        pod, ended = eventually(lambda: first_crash(stacks, second_pods), SLOW)
        eventually(lambda: tells_crash(stacks, pod), max(1.0, ended + CRASH_TOLD_WITHIN - time.time()))
        conditions = stacks.conditions("quickstart")
        assert (conditions["Available"]["status"], conditions["Available"]["reason"]) == ("True", "OldRevisionServes")
        assert conditions["Ready"]["status"] == "False"
        assert state(stacks) == "InProgress"
        assert second_pods <= pod_names(stacks), "the old pods serve on"
        eventually(lambda: " 1 restart" in stacks.conditions("quickstart")["Ready"]["message"], SLOW)

        stacks.kubectl.apply(with_env(quickstart(replicas=2), "EDITED", "again"))
        wait_ready(stacks)
        assert state(stacks) == "Current"
    assert seen["failures"] == []
    assert seen["answers"] > 100

    reasons = {event["reason"] for event in events(stacks)}
    assert {"Ready"} <= reasons and reasons & {"CrashLooping", "StartupFailed"}
    stacks.kubectl("delete", "llamastack", "quickstart")
    eventually(lambda: not leftovers(stacks), SLOW)


def pod_names(stacks: Stacks) -> set[str]:
    pods = stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/stack=quickstart")["items"]
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def first_crash(stacks: Stacks, old: set[str]) -> tuple[str, float] | None:
    """Return the new pod that crashed and when, as its own status tells."""
    for pod in stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/stack=quickstart")["items"]:
        if pod["metadata"]["name"] in old or "deletionTimestamp" in pod["metadata"]:
            continue
        for container in pod.get("status", {}).get("containerStatuses", []):
            ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated")
            if ended:
                moment = time.mktime(time.strptime(ended["finishedAt"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
                return pod["metadata"]["name"], moment
    return None


def tells_crash(stacks: Stacks, pod: str) -> bool:
    message = stacks.conditions("quickstart")["Available"]["message"]
    return all(part in message for part in (pod, "container server", "exit code 1", "restart"))


def events(stacks: Stacks) -> list[Any]:
    found = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.kind=LlamaStack")["items"]
    return [event for event in found if event["source"]["component"] == "llamastack-operator"]


def leftovers(stacks: Stacks) -> list[str]:
    kinds = "configmap,serviceaccount,pvc,service,deployment,replicaset,pod,poddisruptionbudget,hpa"
    return stacks.kubectl("get", kinds, "-l", "llamastack.dev/stack=quickstart", "-o", "name").split()


TROUBLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "an image that does not exist": (
        {"distribution": {"image": "docker.io/llamastack/no-such-distribution:1"}},
        "ImagePullFailed",
        "cannot pull its image",
    ),
    "more CPU than any node has": (
        {"server": {"resources": {"requests": {"cpu": "1000"}}}},
        "Unschedulable",
        "Insufficient cpu",
    ),
    "too little memory": ({"server": {"resources": {"limits": {"memory": "96Mi"}}}}, "OutOfMemory", "memory limit"),
    "an image without Llama Stack": (
        {"distribution": {"image": "docker.io/library/python:3.13-slim"}},
        "CrashLooping",
        "exit code 1",
    ),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_why_pods_do_not_serve_is_in_the_status(case: str, stacks: Stacks) -> None:
    spec, reason, words = TROUBLES[case]
    body = quickstart()
    for field, value in spec.items():
        body["spec"][field] = {**body["spec"].get(field, {}), **value} if field == "server" else value
    stacks.kubectl.apply(body)

    def told() -> bool:
        ready = stacks.conditions("quickstart")["Ready"]
        assert (ready["status"], ready["reason"]) == ("False", reason), ready
        assert words in ready["message"], ready
        return True

    eventually(told, SLOW)
    assert state(stacks) == "InProgress"


def test_the_release_is_found_in_an_image_of_unknown_release(stacks: Stacks) -> None:
    body = quickstart()
    del body["spec"]["distribution"]["release"]
    stacks.kubectl.apply(body)
    wait_ready(stacks)
    eventually(lambda: stacks.kubectl.json("get", "llamastack", "quickstart")["status"]["release"] == "0.7.3")


def test_state_in_a_claim_survives_the_stack_and_is_adopted_by_name(node: Node, stacks: Stacks) -> None:
    """The node has no storage provisioner, so the volume is made by hand as an administrator would."""
    name = stacks.kubectl.namespace
    stacks.kubectl.apply(volume_by_hand(node, str(name)))
    try:
        stacks.kubectl.apply(quickstart(storage={"size": "1Gi", "storageClassName": "by-hand"}))
        eventually(lambda: stacks.kubectl.json("get", "pvc", "quickstart-data")["status"]["phase"] == "Bound")
        strategy = stacks.get("deployment", "quickstart")["spec"]["strategy"]["type"]
        assert strategy == "Recreate"
        stacks.kubectl("delete", "llamastack", "quickstart")
        eventually(lambda: stacks.get("deployment", "quickstart") is None)
        assert stacks.get("pvc", "quickstart-data")["status"]["phase"] == "Bound"
        stacks.kubectl.apply(quickstart(storage={"claimName": "quickstart-data"}))
        wait_ready(stacks)
    finally:
        stacks.kubectl("delete", "pv", name, "--wait=false")


@pytest.mark.parametrize(
    "what",
    ["list secrets", "watch secrets", "create pods", "create pods --subresource=exec", "create clusterrolebindings"],
)
def test_the_operator_may_do_no_more_than_it_needs(what: str, installed: Node) -> None:
    account = f"--as=system:serviceaccount:{NAMESPACE}:llamastack-operator"
    with pytest.raises(KubectlError) as answer:
        installed.kubectl("auth", "can-i", *what.split(), account, "--all-namespaces")
    assert answer.value.stdout.strip() == "no"


def test_the_operators_pod_is_healthy_and_restricted(installed: Node) -> None:
    (pod,) = installed.kubectl.json("get", "pods", "-n", NAMESPACE)["items"]
    (container,) = pod["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert "Traceback" not in installed.kubectl("logs", "-n", NAMESPACE, pod["metadata"]["name"])
