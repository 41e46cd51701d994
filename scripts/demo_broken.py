"""What the demo shows of broken stacks: what their status says, and that the stack which serves is left alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from scripts.demo_cluster import Cluster, conditions
from scripts.demo_copies import Broken, lacking, misspelt
from scripts.demo_questions import DemoError, ask, forwarded


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
        with cluster.step(f"kubectl apply: {broken.about}"):
            print("\n".join(indented(told(cluster, broken))), flush=True)
    with cluster.step("Ask the first one again"), forwarded(cluster.kubectl, cluster.namespace, first) as base:
        answers = ask(base)
    after = pods(cluster, first)
    if not before or after != before:
        raise DemoError(f"the pods of {first} were not left alone: {before} before, {after} after")
    serves = f"{first} serves on, in the same pod, and both providers answer:"
    print("\n".join(indented([serves, *indented(answers[:2])])), flush=True)
    with cluster.step("kubectl delete: both copies"):
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
