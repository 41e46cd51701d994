"""What only a pod can find out, from the edit to its mending, on a real node: six ways in which a provider is broken.

The provider is code in a ConfigMap, on the server's path, so that an edit of it is all that a journey needs. Every kind
of module that misbehaves is in tests/conformance/test_hostile_modules.py, and every report in the tests of the planner;
here real pods say it, the old ones serve on, and mending is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually
from tests.e2e.said import said
from tests.e2e.test_node import SLOW, events, pod_names, polled, quickstart, service_url, wait_ready
from tests.e2e.test_references import config_map

pytestmark = pytest.mark.node

FILE = "adapter_type: mine\nmodule: mine\nconfig_class: mine.Config\n"
CODE = """
import os
from pydantic import BaseModel
{head}
class Config(BaseModel):
    url: str = "http://a"
    {config}
class Mine:
    async def initialize(self): ...
    async def shutdown(self): ...
    async def run_shield(self, request): ...
    async def run_moderation(self, request): ...
    async def register_shield(self, shield): ...
    async def unregister_shield(self, identifier): ...
async def health(self):
    return {{"safety": {{"mine": {{"status": "Error", "message": "no such key: " + os.environ["TOKEN"]}}}}}}
def tell_health():
    # In the place of what 0.7.3 forgets to ask: see tests/conformance/test_provider_health.py.
    from llama_stack.core.providers import ProviderImpl
    ProviderImpl.get_providers_health = health
{factory} get_adapter_impl(config, deps):
    {body}
    return Mine()
"""
RIGHT = {"head": "", "config": "", "factory": "async def", "body": "print('canary-in-the-log'); tell_health()"}
CANARY = "canary-4711-of-a-secret"
PROVIDER = "spec.runConfig.providers.safety[0]"


@dataclass(frozen=True)
class Broken:
    """A way in which the provider is broken, and how it is told.

    Attributes:
        change: the parts of its code.
        reason: of the finding, of Ready, and of its Event.
        words: in the message.
        state: of its row.
        compliant: status of ProtocolCompliant.
        lasts: whether the stack is Stalled.
    """

    change: dict[str, str]
    reason: str
    words: str
    state: str = "Failed"
    compliant: str = "Unknown"
    lasts: bool = True


BROKEN = {
    "it lacks a method of its protocol": Broken(
        {"body": "del Mine.run_shield"}, "MissingMethod", "run_shield", "NonCompliant", "False"
    ),
    "its factory raises, with a secret in its words": Broken(
        {"body": "raise RuntimeError('no backend for ' + os.environ['TOKEN'])"},
        "InstantiationFailed",
        "RuntimeError: no backend for [redacted] (mine.py:",
        lasts=False,
    ),
    "it ends the process as if all were well": Broken(
        {"body": "os._exit(0)"}, "InstantiationFailed", "remote::mine: ended the process, with status 0", lasts=False
    ),
    "a package that it needs is not there": Broken(
        {"head": "import not_installed"}, "ModuleImportFailed", "No module named 'not_installed'"
    ),
    "its config class wants more than is written": Broken({"config": "token: str"}, "InvalidProviderConfig", "token"),
    "its factory is not async": Broken({"factory": "def"}, "InstantiationFailed", "has to be async", lasts=False),
}


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Iterator[Stacks]:
    """Stacks in this test's own namespace, with a model server for them."""
    node_kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
    yield Stacks(node_kubectl)


def code(**change: str) -> dict[str, Any]:
    return config_map("code", **{"mine.py": CODE.format(**{**RIGHT, **change}), "mine.yaml": FILE})


def stack() -> dict[str, Any]:
    body = quickstart()
    spec, config, server = body["spec"], body["spec"]["runConfig"], body["spec"]["server"]
    config["apis"].append("safety")
    config["providers"]["safety"] = [{"provider_id": "mine", "provider_type": "remote::mine", "config": {}}]
    file = {"configMapKeyRef": {"name": "code", "key": "mine.yaml"}}
    spec["externalProviders"] = [{"api": "safety", "providerType": "remote::mine", **file}]
    token = {"secretKeyRef": {"name": "token", "key": "token"}}
    server["env"] += [{"name": "PYTHONPATH", "value": "/code"}, {"name": "TOKEN", "valueFrom": token}]
    server["podTemplate"] = {
        "volumes": [{"name": "code", "configMap": {"name": "code"}}],
        "volumeMounts": [{"name": "code", "mountPath": "/code"}],
    }
    return body


def status(stacks: Stacks) -> Any:
    return stacks.kubectl.json("get", "llamastack", "quickstart")["status"]


def row(stacks: Stacks) -> Any:
    return next(one for one in status(stacks)["providers"] if one["id"] == "mine")


def test_what_is_broken_is_told_while_the_old_pods_serve_and_mending_it_is_enough(
    installed: Node, stacks: Stacks, tmp_path: Path
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": CANARY}}
    stacks.kubectl.apply([secret, code(), stack()])
    wait_ready(stacks)
    stacks.condition("quickstart", "ProtocolCompliant", "True", "Compliant")
    stacks.condition("quickstart", "ProvidersResolved", "True", "Resolved")
    assert (row(stacks)["state"], status(stacks)["startCheck"]["verdict"]) == ("Ready", "Passed")
    eventually(lambda: row(stacks).get("health") == "Error")
    assert stacks.conditions("quickstart")["Ready"]["status"] == "True", "nothing follows from it"
    with polled(installed, service_url(stacks), tmp_path) as seen:
        for broken in BROKEN.values():
            travel(stacks, broken)
    assert seen["failures"] == []
    assert seen["answers"] > 100
    found = said(installed, stacks)
    assert CANARY not in found.told + found.kept


def travel(stacks: Stacks, broken: Broken) -> None:
    serving = pod_names(stacks)
    stacks.kubectl.apply(code(**broken.change))
    told = eventually(lambda: _ready(stacks, broken.reason), SLOW)
    assert broken.words in told["message"]
    assert PROVIDER in told["message"]
    conditions = stacks.conditions("quickstart")
    assert conditions["Stalled"]["status"] == str(broken.lasts)
    assert conditions["ProtocolCompliant"]["status"] == broken.compliant
    assert (conditions["Available"]["status"], conditions["Available"]["reason"]) == ("True", "OldRevisionServes")
    assert row(stacks)["state"] == broken.state
    findings = [one["path"] for one in status(stacks)["findings"] if one["reason"] == broken.reason]
    assert [path for path in findings if path.startswith(PROVIDER)]
    assert eventually(lambda: [one for one in events(stacks) if one["reason"] == broken.reason])
    assert serving <= pod_names(stacks), "the old pods serve on"

    stacks.kubectl.apply(code())
    wait_ready(stacks)
    stacks.condition("quickstart", "ProtocolCompliant", "True", "Compliant")
    assert row(stacks)["state"] == "Ready"
    assert status(stacks).get("findings", []) == []


def _ready(stacks: Stacks, reason: str) -> Any:
    found = stacks.conditions("quickstart")["Ready"]
    assert (found["status"], found["reason"]) == ("False", reason), found
    return found
