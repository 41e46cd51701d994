"""A wrong edit of a stack that serves, from `kubectl apply` to its mending, on a real node: six mistakes, one after the
other, while a client never stops asking.

Every kind of mistake is in the tests of the planner and of `test_verdict.py`; here real servers serve on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually
from tests.e2e.test_node import VERDICT_TOLD_WITHIN, events, pod_names, polled, quickstart, service_url, wait_ready

pytestmark = pytest.mark.node

INFERENCE = "spec.runConfig.providers.inference"
type Body = dict[str, Any]


@dataclass(frozen=True)
class Journey:
    """A mistake, and how it is told.

    Attributes:
        edit: makes it.
        condition: the condition that tells it.
        reason: the reason of condition, finding and Event.
        path: the field that the finding names.
        row: id and state of the provider that it is about; None where it is about none.
        mend: what else has to be there before the stack is right again without another edit; None where an edit mends.
    """

    edit: Callable[[Body], None]
    condition: str
    reason: str
    path: str
    row: tuple[str, str] | None = None
    mend: Body | None = None


def providers(body: Body) -> dict[str, Any]:
    found: dict[str, Any] = body["spec"]["runConfig"]["providers"]
    return found


def near_name(body: Body) -> None:
    providers(body)["inference"][0]["provider_type"] = "remote::vlm"


def missing_secret(body: Body) -> None:
    source = {"secretKeyRef": {"name": "token", "key": "token"}}
    body["spec"]["server"]["env"].append({"name": "TOKEN", "valueFrom": source})


def missing_config_map(body: Body) -> None:
    body["spec"]["server"]["envFrom"] = [{"configMapRef": {"name": "settings"}}]


def missing_dependency(body: Body) -> None:
    store = {"backend": "kv_default", "namespace": "eval"}
    body["spec"]["runConfig"]["apis"].append("eval")
    providers(body)["eval"] = [
        {"provider_id": "eval", "provider_type": "inline::builtin", "config": {"kvstore": store}}
    ]


def same_id(body: Body) -> None:
    providers(body)["inference"] *= 2


def moved_key(body: Body) -> None:
    config = providers(body)["inference"][0]["config"]
    config["url"] = config.pop("base_url")


JOURNEYS = {
    "a type with a near name": Journey(
        near_name,
        "ProvidersResolved",
        "UnknownProviderType",
        f"{INFERENCE}[0].provider_type",
        ("model-server", "Failed"),
    ),
    "a Secret that is missing, and comes": Journey(
        missing_secret,
        "ConfigValid",
        "MissingReference",
        "spec.server.env[1].valueFrom.secretKeyRef",
        mend={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": "x"}},
    ),
    "a ConfigMap that is missing, and comes": Journey(
        missing_config_map,
        "ConfigValid",
        "MissingReference",
        "spec.server.envFrom[0].configMapRef",
        mend={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": "1"}},
    ),
    "a dependency that is missing": Journey(
        missing_dependency,
        "ProvidersResolved",
        "MissingDependency",
        "spec.runConfig.providers.eval[0]",
        ("eval", "Failed"),
    ),
    "an id twice": Journey(
        same_id, "ProvidersResolved", "DuplicateProviderId", f"{INFERENCE}[1].provider_id", ("model-server", "Failed")
    ),
    "a key that moved": Journey(
        moved_key, "ConfigValid", "UnknownField", f"{INFERENCE}[0].config.url", ("model-server", "Failed")
    ),
}


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace, with a model server for them."""
    node_kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
    return Stacks(node_kubectl)


def test_each_mistake_is_told_while_the_old_pods_serve_and_mending_it_is_enough(
    installed: Node, stacks: Stacks, tmp_path: Path
) -> None:
    stacks.kubectl.apply(quickstart())
    wait_ready(stacks)
    with polled(installed, service_url(stacks), tmp_path) as seen:
        for journey in JOURNEYS.values():
            travel(stacks, journey)
    assert seen["failures"] == []
    assert seen["answers"] > 100


def travel(stacks: Stacks, journey: Journey) -> None:
    body, serving = quickstart(), pod_names(stacks)
    journey.edit(body)
    stacks.kubectl.apply(body)
    began = time.monotonic()
    told = stacks.condition("quickstart", journey.condition, "False", journey.reason)
    assert time.monotonic() - began < VERDICT_TOLD_WITHIN
    assert journey.path in told["message"]
    status = stacks.kubectl.json("get", "llamastack", "quickstart")["status"]
    assert (journey.reason, journey.path) in [(one["reason"], one["path"]) for one in status["findings"]]
    rows = [(one["id"], one["state"]) for one in status["providers"]]
    assert journey.row is None or journey.row in rows
    assert eventually(lambda: [one for one in events(stacks) if one["reason"] == journey.reason])
    assert pod_names(stacks) == serving, "nothing was rolled"
    assert stacks.conditions("quickstart")["Available"]["status"] == "True"
    if journey.mend is None:
        stacks.kubectl.apply(quickstart())
        wait_ready(stacks)
        assert pod_names(stacks) == serving, "what runs was right all the time"
        return
    stacks.kubectl.apply(journey.mend)
    wait_ready(stacks)
    assert not pod_names(stacks) & serving, "the edit was carried out as soon as it could be"
    stacks.kubectl.apply(quickstart())
    wait_ready(stacks)
