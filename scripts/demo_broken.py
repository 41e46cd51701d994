"""What the demo breaks: copies of the stack that serves, told what is wrong with them while the first one serves on.

Both are copies under other names, so that the first one is not touched. What the operator can tell by reading is told
before anything is built or started; what only a pod can find out is told by the check that runs before its server.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.demo_cluster import Cluster, conditions
from scripts.demo_questions import DemoError, ask, forwarded

SOON = 60.0
"""Seconds for what the operator tells by reading: it takes less than one; a busy machine may take longer."""
PATIENCE = 5 * 60.0
"""Seconds for what a pod tells: its node may have to pull the image first."""
MISSPELT = "misspelt"
LACKING = "lacks-a-method"
SPEC = "adapter_type: guard\nmodule: guard\nconfig_class: guard.Config\n"
CODE = '''
"""A safety provider whose class lacks run_shield, which the protocol of `safety` asks for."""
from pydantic import BaseModel

class Config(BaseModel):
    pass

class Guard:
    async def initialize(self): ...
    async def shutdown(self): ...
    async def run_moderation(self, request): ...
    async def register_shield(self, shield): ...
    async def unregister_shield(self, identifier): ...

async def get_adapter_impl(config, deps):
    return Guard()
'''


@dataclass(frozen=True)
class Broken:
    """A copy of the stack that is broken, and how it is told.

    Attributes:
        about: what is wrong with it.
        objects: the stack, and what it needs beside what the first one has.
        provider: id of the broken provider.
        reason: of its Ready condition.
        condition: the one that tells more than Ready does.
        by: who finds it out.
        patience: seconds until it has to be told.
    """

    about: str
    objects: list[dict[str, Any]]
    provider: str
    reason: str
    condition: str
    by: str
    patience: float

    @property
    def name(self) -> str:
        """Name of the stack."""
        return str(next(body for body in self.objects if body["kind"] == "LlamaStack")["metadata"]["name"])


def misspelt(stack: dict[str, Any]) -> Broken:
    """Return a copy of a stack with a provider type that no release has."""
    body = _copy(stack, MISSPELT)
    config = body["spec"]["runConfig"]
    config["apis"].append("inference")
    url = {"base_url": "http://vllm:8000/v1"}
    config["providers"]["inference"] = [{"provider_id": "vllm", "provider_type": "remote::vlm", "config": url}]
    by = "by the operator, before anything was built or started"
    about = "a copy with the provider type remote::vlm, which is misspelt"
    return Broken(about, [body], "vllm", "UnknownProviderType", "ProvidersResolved", by, SOON)


def lacking(stack: dict[str, Any]) -> Broken:
    """Return a copy of a stack with one provider, whose class lacks a method, and the ConfigMap with its code.

    It has no modules and so no image of its own: what is built reaches its modules by PYTHONPATH, which the code takes.
    """
    body = _copy(stack, LACKING)
    spec, config = body["spec"], body["spec"]["runConfig"]
    guard = {"provider_id": "guard", "provider_type": "remote::guard", "config": {}}
    config.pop("registered_resources", None)
    config.update(apis=["safety"], providers={"safety": [guard]})
    file = {"configMapKeyRef": {"name": LACKING, "key": "guard.yaml"}}
    spec.pop("build", None)
    spec["externalProviders"] = [{"api": "safety", "providerType": "remote::guard", **file}]
    mounts = {
        "volumes": [{"name": "code", "configMap": {"name": LACKING}}],
        "volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}],
    }
    spec["server"] = {"env": [{"name": "PYTHONPATH", "value": "/code"}], "podTemplate": mounts}
    data = {"guard.py": CODE.lstrip(), "guard.yaml": SPEC}
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LACKING}, "data": data}
    by = "by the check that its pod runs before the server"
    about = "a copy with a provider of ours whose class lacks run_shield"
    return Broken(about, [code, body], "guard", "MissingMethod", "ProtocolCompliant", by, PATIENCE)


def _copy(stack: dict[str, Any], name: str) -> dict[str, Any]:
    return {**copy.deepcopy(stack), "metadata": {"name": name}}


def show(cluster: Cluster, stack: dict[str, Any]) -> None:
    """Apply both copies, print what their status says, and that the stack itself serves on; remove the copies.

    Args:
        cluster: where the stack serves.
        stack: the manifest that it was made from.

    Raises:
        DemoError: a copy is not told as what it is in time, or the stack does not serve as before.
    """
    first = stack["metadata"]["name"]
    before = pods(cluster, first)
    copies = [misspelt(stack), lacking(stack)]
    remove(cluster, copies)  # those of a show that stopped would be told from what they were then
    for broken in copies:
        with cluster.step(f"kubectl apply {broken.about}"):
            print("\n".join(indented(told(cluster, broken))), flush=True)
    with cluster.step("Ask the first one again"), forwarded(cluster.kubectl, cluster.namespace, first) as base:
        answers = ask(base)
    after = pods(cluster, first)
    if not before or after != before:
        raise DemoError(f"the pods of {first} were not left alone: {before} before, {after} after")
    print("\n".join(indented([f"{first} serves on, in the same pod, and answers:", *indented(answers)])), flush=True)
    with cluster.step("kubectl delete both copies"):
        remove(cluster, copies)


def told(cluster: Cluster, broken: Broken) -> list[str]:
    """Apply a copy, wait until its status says what is wrong, and return what to print."""
    cluster.within("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(broken.objects))
    begin = time.monotonic()
    status = wait_told(cluster, broken)
    return [f"told after {time.monotonic() - begin:.1f} s, {broken.by}:", *indented(lines_of(status, broken))]


def wait_told(cluster: Cluster, broken: Broken) -> dict[str, Any]:
    """Wait until Ready has the reason that is expected, and return the status.

    Raises:
        DemoError: it does not come in time, or something else came that lasts.
    """
    deadline = time.monotonic() + broken.patience
    while True:
        status = cluster.status(broken.name)
        found = conditions(status)
        ready, stalled = found.get("Ready", {}), found.get("Stalled", {})
        if (ready.get("status"), ready.get("reason")) == ("False", broken.reason):
            return status
        other = "True" in (ready.get("status"), stalled.get("status"))
        if other or time.monotonic() > deadline:
            wait = "" if other else f" within {broken.patience:.0f} s"
            more = " ".join([*cluster.kubectl, "describe", "-n", cluster.namespace, f"llamastack/{broken.name}"])
            said = indented(evidence(found)) or ["    nothing: does the operator run?"]
            head = f"{broken.name} is not told as {broken.reason}{wait}. Its status says:"
            raise DemoError("\n".join([head, *said, "More tells:", *indented([more])]))
        time.sleep(0.1)


def evidence(found: dict[str, dict[str, str]]) -> list[str]:
    """Return every condition in a line."""
    return [f"{kind}={one['status']} {one['reason']}: {one.get('message', '')}" for kind, one in found.items()]


def lines_of(status: dict[str, Any], broken: Broken) -> list[str]:
    """Return what a status says of a broken copy: two conditions, what to do, and the row of the provider."""
    found = conditions(status)
    shown = {kind: found.get(kind, {}) for kind in ("Ready", broken.condition)}
    texts = {kind: f"{kind}={one.get('status', '-')} {one.get('reason', '-')}" for kind, one in shown.items()}
    findings = [one for one in status.get("findings", ()) if one.get("reason") == broken.reason]
    rows = [row for row in status.get("providers", ()) if row.get("id") == broken.provider]
    return [
        ", ".join(texts.values()),
        *(f"{one['message']}" for one in findings),
        *(f"-> {one['hint']}" for one in findings if "hint" in one),
        *(f"provider {row['id']} ({row['type']}): {row.get('state', '-')}" for row in rows),
    ]


def indented(lines: Iterable[str]) -> list[str]:
    """Return lines as they stand below another."""
    return [f"    {line}" for line in lines]


def pods(cluster: Cluster, stack: str) -> list[str]:
    """Return the pods of a stack, each with the number of restarts of its containers."""
    path = "{range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount}{'\\n'}{end}"
    label = f"app.kubernetes.io/instance={stack}"
    return sorted(cluster.within("get", "pods", "-l", label, "-o", f"jsonpath={path}").splitlines())


def remove(cluster: Cluster, copies: Sequence[Broken]) -> None:
    """Delete the copies and what was made for them, and wait until their stacks are gone."""
    objects = [body for broken in copies for body in broken.objects]
    cluster.within("delete", "--ignore-not-found", "--timeout=2m", "-f", "-", stdin=yaml.safe_dump_all(objects))
