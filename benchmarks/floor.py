"""The floor: the writes of new stacks and nothing else, from a client that only sends what was made ready before.

What it sends is rendered by the operator's own planning for the floor's own stacks, and their statuses are those that
the operator wrote for stacks of the same names: that the work is the same is checked, not assumed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import AuditLog, listed, side_by_side
from benchmarks.workload import stack
from llamastack_operator.api.labels import APPLIED_ANNOTATION
from llamastack_operator.controller.stack.gather import Gatherer
from llamastack_operator.controller.stack.gather_image import ImageGatherer
from llamastack_operator.kube.apply import CREATE_ONLY, send
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client, Object
from llamastack_operator.kube.referents import Referents
from llamastack_operator.kube.status import write_status
from llamastack_operator.objects.builds import build_index
from llamastack_operator.objects.child import Desired, Key
from llamastack_operator.objects.resources import CHILDREN, CONFIGMAPS, LLAMASTACKS
from llamastack_operator.packed.start_program import start_program, start_program_digest
from llamastack_operator.planning.reading.planned import planned_of
from llamastack_operator.planning.reading.question import question_of
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.stack import Stack, stack_from
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_operator.workloads.start_program import program_config_map
from llamastack_resolver.findings import Findings

PROGRAM = StartProgram(start_program_digest())
"""The program in the pods, which each namespace has once."""
Requests = Counter[tuple[str, str]]
"""How often each verb and resource was asked for."""


class OtherWorkError(SystemExit):
    """The floor did not do what the operator did, so that their times cannot be compared."""


@dataclass(frozen=True)
class Prepared:
    """The writes of one stack that is there.

    Attributes:
        key: its namespace and name.
        uid: its UID.
        children: its objects as the operator wants them.
        statuses: the statuses that are written, one after the other.
    """

    key: Key
    uid: str
    children: tuple[Desired, ...]
    statuses: tuple[Object, ...]


async def render(client: Client, body: Object) -> tuple[Desired, ...]:
    """Return the objects of a stack of the API, as a pass of the operator plans them.

    Raises:
        OtherWorkError: the plan is not complete, for example since an image must be built first.
    """
    stacks: Cache[Stack] = Cache()
    known, referents, settings = stack_from(body), Referents(client), WorkloadSettings(program=PROGRAM)
    stacks.put(known)
    facts = await Gatherer(stacks, {}, Cache(), referents).gather(known.key)
    assert facts is not None
    asked = question_of(facts)
    planned = planned_of(asked, Findings()) if asked is not None else None
    snapshot, _ = await ImageGatherer(Cache(build_index), referents).judge(facts, planned, settings.images)
    desired = plan(snapshot, settings).desired
    if not desired:
        raise OtherWorkError(f"nothing is planned for {known.key}: {snapshot.install_findings or known.findings}")
    return desired


class Floor:
    """One run of the floor, in a namespace of its own.

    Args:
        client: the API server.
        audit: its audit log.
        home: the namespace.
        names: the names of the stacks.
    """

    def __init__(self, client: Client, audit: AuditLog, home: str, names: Sequence[str]) -> None:
        self._client = client
        self._audit = audit
        self._home = home
        self._names = names

    async def run(self, statuses: Mapping[str, Sequence[Object]], clients: int) -> tuple[float, Requests]:
        """Create the stacks, make their writes ready, send them; return the seconds and the requests of both sendings.

        Args:
            statuses: for each name the statuses to write.
            clients: how many stacks are sent side by side.
        """
        created: dict[str, Object] = {}

        async def create(number: int, name: str) -> None:
            created[name] = await self._client.create(LLAMASTACKS, stack(self._home, name, number))

        self._audit.mark()
        begin = time.monotonic()
        await side_by_side((create(number, name) for number, name in enumerate(self._names)), clients)
        elapsed = time.monotonic() - begin
        prepared = [
            Prepared(
                (self._home, name),
                created[name]["metadata"]["uid"],
                await render(self._client, created[name]),
                tuple(statuses[name]),
            )
            for name in self._names
        ]
        begin = time.monotonic()
        await self._client.create(CONFIGMAPS, program_config_map(self._home, PROGRAM, start_program()))
        await side_by_side((self._send(one) for one in prepared), clients)
        return elapsed + time.monotonic() - begin, self._audit.requests("llamastack-operator")

    async def _send(self, prepared: Prepared) -> None:
        """Send the writes of a stack: the children side by side, then one status after the other."""
        await asyncio.gather(*(send(self._client, child, CREATE_ONLY) for child in prepared.children))
        for status in prepared.statuses:
            await write_status(self._client, LLAMASTACKS, prepared.key, prepared.uid, status)


def moved(status: Object, source: str, target: str) -> Object:
    """Return a status of a stack in one namespace as it is for one of the same name in another."""
    found: Object = json.loads(json.dumps(status).replace(f".{source}.svc", f".{target}.svc"))
    return found


async def check_objects(client: Client, home: str, names: Sequence[str]) -> None:
    """Check that what the operator made of its stacks is, byte by byte, what the floor sends for such stacks.

    Each object bears the digest of what was applied, so two of the same digest are of the same bytes.

    Raises:
        OtherWorkError: there are other objects, or the same with other content.
    """
    made: dict[str, dict[tuple[str, str], str]] = {name: {} for name in names}
    for resource in CHILDREN:
        for item in await listed(client, resource, home):
            metadata = item["metadata"]
            owners = [one["name"] for one in metadata.get("ownerReferences") or () if one["kind"] == LLAMASTACKS.kind]
            if owners and owners[0] in made:
                applied = (metadata.get("annotations") or {}).get(APPLIED_ANNOTATION, "")
                made[owners[0]][resource.kind, metadata["name"]] = applied
    for body in await listed(client, LLAMASTACKS, home, metadata_only=False):
        name = body["metadata"]["name"]
        wanted = {(one.resource.kind, one.key[1]): one.applied for one in await render(client, body)}
        if made[name] != wanted:
            raise OtherWorkError(f"{home}/{name}: the operator made {made[name]}, the floor sends {wanted}")


def check_requests(operator: Requests, floor: Requests, writes: Sequence[str]) -> None:
    """Check that both sent as many writes of each kind.

    Raises:
        OtherWorkError: they did not.
    """
    own, bare = (Counter({key: count for key, count in one.items() if key[0] in writes}) for one in (operator, floor))
    if own != bare:
        raise OtherWorkError(f"writes of the operator alone: {own - bare}; of the floor alone: {bare - own}")
