"""Brings one object to its wanted state with as few requests as possible, and never touches what is not ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from llamastack_operator.kube.brake import Brake, Place
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client, Object
from llamastack_operator.kube.contention import HANDOVER_MANAGER, Contender, contender
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.child import Child, Desired, Key, child_from, digest, wants_body
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.resources import DEPLOYMENTS, Resource

# A resourceVersion that no object has: an apply that carries it creates, and conflicts with what exists.
_NEVER_A_VERSION = "1"
CREATE_ONLY = {"resourceVersion": _NEVER_A_VERSION}
"""What a new object is applied with."""
# Where fewer writes than this are allowed at once, the next is the last for a while.
_LAST = 2


class NotOursError(Exception):
    """An object of the needed name exists and belongs to somebody else.

    Attributes:
        resource: its kind.
        key: its namespace and name.
        leftover: whether it belongs to an earlier stack of the same name.
    """

    def __init__(self, resource: Resource, key: Key, leftover: bool) -> None:
        self.resource = resource
        self.key = key
        self.leftover = leftover
        super().__init__(f"{resource.kind} {key[1]} belongs to somebody else")


class ContendedError(Exception):
    """An object is changed by somebody else again and again; it is corrected no more than once a minute.

    Attributes:
        resource: its kind.
        key: its namespace and name.
        contender: who changes it, as far as that is known.
    """

    def __init__(self, resource: Resource, key: Key, contender: Contender) -> None:
        self.resource = resource
        self.key = key
        self.contender = contender
        super().__init__(f"{resource.kind} {key[1]} is changed again and again")


async def send(client: Client, wanted: Desired, identity: Mapping[str, str]) -> Object:
    """Apply an object, whatever is known of it, and return what the API server has now: of most kinds the metadata.

    Args:
        client: the API server.
        wanted: the object.
        identity: metadata that says which object is meant: `CREATE_ONLY`, or a UID.

    Raises:
        ApiError: the API server refused; 409 where another object has its name.
    """
    body = {**wanted.body, "metadata": {**wanted.body["metadata"], **identity}}
    return await client.apply(wanted.resource, body, metadata_only=not wants_body(wanted.resource))


class Applier:
    """Applies objects and keeps the caches in step with the answers.

    Args:
        client: the API server.
        caches: what is known of each kind, by kind.
        brake: slows down what would be a fight.

    Attributes:
        corrections: how often somebody's change of an object was undone, by kind.
    """

    def __init__(self, client: Client, caches: Mapping[str, Cache[Child]], brake: Brake | None = None) -> None:
        self._client = client
        self._caches = caches
        self._brake = brake or Brake()
        self.corrections: Counter[str] = Counter()
        # Owned digests that the API server answered where they differ from the prediction.
        self._surprises: dict[Place, tuple[str, str]] = {}
        # Who changes an object again and again, told until it has been left alone for a while.
        self._contenders: dict[Place, Contender] = {}

    async def apply(self, wanted: Desired, corrected: Callable[[Contender], Awaitable[None]] | None = None) -> Child:
        """Apply an object if it is not as it should be, and return what is known of it now.

        Args:
            wanted: the object.
            corrected: called after a change of somebody was undone, with who that was, where it is known.

        Raises:
            NotOursError: the name is taken.
            ContendedError: somebody else changes it again and again.
            ApiError: the API server refused.
        """
        cache = self._caches[wanted.resource.kind]
        live = cache.get(wanted.key)
        if live is not None and not live.belongs_to(wanted.owner_uid):
            raise NotOursError(wanted.resource, wanted.key, leftover=bool(live.owned))
        place = (wanted.resource.kind, wanted.key)
        left = self._brake.left(place, wanted.applied)
        if live is not None and self._is_settled(wanted, live):
            if left < 1 and place in self._contenders:
                raise ContendedError(wanted.resource, wanted.key, self._contenders[place])
            self._contenders.pop(place, None)
            return live
        drifted = live is not None and live.applied == wanted.applied
        rival = await self._contender(wanted, live) if drifted or left < _LAST else Contender()
        self.corrections[wanted.resource.kind] += drifted
        if left >= _LAST:
            live = await self._write(wanted, live)
            if rival.manager and corrected is not None:
                await corrected(rival)
            return live
        self._contenders[place] = rival
        if left >= 1:
            await self._write(wanted, live)
        raise ContendedError(wanted.resource, wanted.key, rival)

    async def scale(self, live: Child, replicas: int) -> None:
        """Give a Deployment so many replicas, whatever else of it is held back; done where it has them.

        Where somebody else sets them again and again, it is done once a minute.

        Raises:
            ApiError: the API server refused.
        """
        if not isinstance(live.facts, DeploymentFacts) or live.facts.wanted == replicas:
            return
        place, content = ("replicas", live.key), str(replicas)
        if self._brake.left(place, content) >= 1:
            await self._set_replicas(live, replicas)
            self._brake.wrote(place, content)

    async def delete(self, child: Child) -> None:
        """Delete a child of that very UID."""
        await self._client.delete(child.resource, *child.key, uid=child.uid)
        self._caches[child.resource.kind].remove(child.key, child.uid)
        place = (child.resource.kind, child.key)
        self._surprises.pop(place, None)
        self._contenders.pop(place, None)
        self._brake.forget(place)

    async def _contender(self, wanted: Desired, live: Child | None) -> Contender:
        """Find out who changes an object, before it is corrected: what is written again has no other owner."""
        body = await self._client.get(wanted.resource, *wanted.key, metadata_only=True) if live is not None else None
        if live is None or body is None:
            return Contender(deletes=True)
        return contender(body["metadata"], owned_fields(wanted.body), renders=live.applied != wanted.applied)

    def _is_settled(self, wanted: Desired, live: Child) -> bool:
        if live.applied != wanted.applied:
            return False
        if live.owned == digest(owned_fields(wanted.body)):
            return True
        return self._surprises.get((wanted.resource.kind, wanted.key)) == (wanted.applied, live.owned)

    async def _write(self, wanted: Desired, live: Child | None) -> Child:
        return await (self._create(wanted) if live is None else self._update(wanted, live))

    async def _create(self, wanted: Desired) -> Child:
        try:
            return await self._send(wanted, CREATE_ONLY)
        except ApiError as error:
            if error.code != 409:
                raise
        body = await self._client.get(wanted.resource, *wanted.key)
        if body is None:
            return await self._send(wanted, CREATE_ONLY)
        live = child_from(wanted.resource, body)
        if not live.belongs_to(wanted.owner_uid):
            raise NotOursError(wanted.resource, wanted.key, leftover=bool(live.owned))
        return await self._update(wanted, live)

    async def _update(self, wanted: Desired, live: Child) -> Child:
        if wanted.resource is DEPLOYMENTS and "replicas" not in wanted.body["spec"]:
            await self._hand_over_replicas(live)
        return await self._send(wanted, {"uid": live.uid})

    async def _send(self, wanted: Desired, identity: Mapping[str, str]) -> Child:
        child = child_from(wanted.resource, await send(self._client, wanted, identity))
        self._caches[wanted.resource.kind].put(child)
        place = (wanted.resource.kind, wanted.key)
        self._brake.wrote(place, wanted.applied)
        self._surprises.pop(place, None)
        if child.owned != digest(owned_fields(wanted.body)):
            self._surprises[place] = (wanted.applied, child.owned)
        return child

    async def _hand_over_replicas(self, live: Child) -> None:
        """Give `spec.replicas` to another manager before we let go of it.

        A field that its last owner stops applying is removed, and a Deployment without replicas has one: switching
        an autoscaler on would cut a busy stack down to one pod. No replicas at all are not handed over: an
        autoscaler leaves a Deployment that has none alone, and the stack would never wake up.
        """
        facts = live.facts
        if not isinstance(facts, DeploymentFacts) or not facts.replicas_owned or not facts.wanted:
            return
        await self._set_replicas(live, facts.wanted)

    async def _set_replicas(self, live: Child, replicas: int) -> None:
        namespace, name = live.key
        body = {
            "apiVersion": DEPLOYMENTS.api_version,
            "kind": DEPLOYMENTS.kind,
            "metadata": {"namespace": namespace, "name": name, "uid": live.uid},
            "spec": {"replicas": replicas},
        }
        await self._client.apply(DEPLOYMENTS, body, manager=HANDOVER_MANAGER)
