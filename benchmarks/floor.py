"""The floor: the writes of a new stack and nothing else, from a client that only sends what was made ready before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.workload import stack
from llamastack_operator.controller.stack.gather import Referred, Snapshot
from llamastack_operator.kube.client import Client, Object
from llamastack_operator.objects.resources import LLAMASTACKS, Resource
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings

_STAMP = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Prepared:
    """The requests of one new stack."""

    stack: Object
    children: tuple[tuple[Resource, Object], ...]
    status: Object


def prepare(namespace: str, number: int) -> Prepared:
    """Make ready what will be sent for one stack."""
    body = stack(namespace, f"stack-{number:04d}", number)
    identity: dict[str, Any] = {"uid": "", "resourceVersion": "0", "generation": 1}
    known = stack_from({**body, "metadata": {**body["metadata"], **identity}})
    snapshot = Snapshot(known, (), (), Referred())
    decided = plan(snapshot, WorkloadSettings())
    status = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": dict(body["metadata"]),
        "status": status_of(snapshot, PassOutcome(), _STAMP),
    }
    return Prepared(body, tuple((item.resource, dict(item.body)) for item in decided.desired or ()), status)


async def send(client: Client, prepared: Prepared, status_writes: int) -> None:
    """Create a stack and send its writes: the children side by side, then the status."""
    created = await client.create(LLAMASTACKS, prepared.stack)
    for _, body in prepared.children:
        for reference in body["metadata"].get("ownerReferences", ()):
            reference["uid"] = created["metadata"]["uid"]
    await asyncio.gather(*(client.apply(resource, body) for resource, body in prepared.children))
    for _ in range(status_writes):
        await client.apply(LLAMASTACKS, prepared.status, subresource="status", metadata_only=True)
