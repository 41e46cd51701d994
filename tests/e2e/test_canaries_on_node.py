"""No secret is told by what checks and crashes of real pods leave: not by a status, an Event, a log or a ConfigMap.

Each secret comes by another way: a variable from a Secret, a Secret as a whole, the run config, an address there, and
an address in a variable. The provider's module tells all of them: first to the check, then as the server's last words.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually
from tests.e2e.said import said
from tests.e2e.test_node import SLOW, events
from tests.e2e.test_start_on_node import code, stack

pytestmark = pytest.mark.node

VARIABLE, WHOLE, LITERAL, ADDRESS = "canary-of-a-key", "canary-of-a-secret", "canary-in-config", "canary-of-an-address"
WRITTEN = "canary-in-a-variable"
"""It stands in the spec, so pods and Deployments have it; nothing else has."""
KEPT = (VARIABLE, WHOLE, LITERAL, ADDRESS)
TELLS = (
    "words = ' '.join([os.environ['TOKEN'], os.environ['WORDS'], config.api_key, config.url, os.environ['PLACE']]);"
    " raise RuntimeError('begin ' + words + ' end')"
)


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace, with a model server for them."""
    node_kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
    return Stacks(node_kubectl)


def with_secrets(**startup: Any) -> list[dict[str, Any]]:
    body = stack()
    server, (entry,) = body["spec"]["server"], body["spec"]["runConfig"]["providers"]["safety"]
    entry["config"] = {"api_key": LITERAL, "url": f"http://user:{ADDRESS}@backend"}
    server["env"].append({"name": "PLACE", "value": f"http://user:{WRITTEN}@place"})
    server["envFrom"] = [{"secretRef": {"name": "all"}}]
    body["spec"]["startup"] = startup
    secrets = {"token": {"token": VARIABLE}, "all": {"WORDS": WHOLE}}
    kind = {"apiVersion": "v1", "kind": "Secret"}
    made = [{**kind, "metadata": {"name": name}, "stringData": data} for name, data in secrets.items()]
    return [*made, code(config="api_key: str", body=TELLS), body]


def test_a_check_that_fails_and_a_server_that_crashes_tell_no_secret(installed: Node, stacks: Stacks) -> None:
    stacks.kubectl.apply(with_secrets())
    told = eventually(lambda: reason(stacks, "InstantiationFailed"), SLOW)
    assert "RuntimeError: begin" in told["message"]
    assert "[redacted]" in told["message"]
    assert eventually(lambda: [one for one in events(stacks) if one["reason"] == "InstantiationFailed"])
    keeps_quiet(installed, stacks, "RuntimeError: begin")

    stacks.kubectl.apply(with_secrets(check="Skip"))
    output = eventually(lambda: crashed(stacks), SLOW)
    assert all(canary in output for canary in (*KEPT, WRITTEN)), "the log is the server's own"
    eventually(lambda: any(reason(stacks, word) for word in ("CrashLooping", "StartupFailed")), SLOW)
    assert eventually(lambda: [one for one in events(stacks) if one["reason"] in ("CrashLooping", "StartupFailed")])
    keeps_quiet(installed, stacks, "RuntimeError: begin")


def keeps_quiet(node: Node, stacks: Stacks, words: str) -> None:
    found = said(node, stacks)
    assert words in found.told, "what failed is told"
    assert [canary for canary in (*KEPT, WRITTEN) if canary in found.told] == []
    assert [canary for canary in KEPT if canary in found.kept] == []


def reason(stacks: Stacks, word: str) -> Any:
    ready = stacks.conditions("quickstart")["Ready"]
    return ready if (ready["status"], ready["reason"]) == ("False", word) else None


def crashed(stacks: Stacks) -> str:
    """Return what a server printed that has ended, of a pod without a check."""
    for pod in stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/stack=quickstart")["items"]:
        if "deletionTimestamp" in pod["metadata"] or pod["spec"].get("initContainers"):
            continue
        (server,) = pod["status"]["containerStatuses"]
        if server["state"].get("terminated") or server["lastState"].get("terminated"):
            options = ["--previous"] if server["restartCount"] else []
            return stacks.kubectl("logs", pod["metadata"]["name"], "-c", "server", *options)
    return ""
