"""Brings one object to its wanted state with as few requests as possible, and never touches what is not ours."""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client, Object
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.child import Child, Desired, Key, child_from, digest, wants_body
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.resources import DEPLOYMENTS, Resource

# A resourceVersion that no object has: an apply that carries it creates, and conflicts with what exists.
_NEVER_A_VERSION = "1"
CREATE_ONLY = {"resourceVersion": _NEVER_A_VERSION}
"""What a new object is applied with."""
HANDOVER_MANAGER = "llamastack-operator-replicas"


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
    """

    def __init__(self, client: Client, caches: Mapping[str, Cache[Child]]) -> None:
        self._client = client
        self._caches = caches
        # Owned digests that the API server answered where they differ from the prediction.
        self._surprises: dict[tuple[str, Key], tuple[str, str]] = {}

    async def apply(self, wanted: Desired) -> Child:
        """Apply an object if it is not as it should be, and return what is known of it now.

        Raises:
            NotOursError: the name is taken.
            ApiError: the API server refused.
        """
        cache = self._caches[wanted.resource.kind]
        live = cache.get(wanted.key)
        if live is None:
            return await self._create(wanted)
        if not live.belongs_to(wanted.owner_uid):
            raise NotOursError(wanted.resource, wanted.key, leftover=True)
        if self._is_settled(wanted, live):
            return live
        return await self._update(wanted, live)

    async def delete(self, child: Child) -> None:
        """Delete a child of that very UID."""
        await self._client.delete(child.resource, *child.key, uid=child.uid)
        self._caches[child.resource.kind].remove(child.key, child.uid)
        self._surprises.pop((child.resource.kind, child.key), None)

    def _is_settled(self, wanted: Desired, live: Child) -> bool:
        if live.applied != wanted.applied:
            return False
        if live.owned == digest(owned_fields(wanted.body)):
            return True
        return self._surprises.get((wanted.resource.kind, wanted.key)) == (wanted.applied, live.owned)

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
            await self._hand_over_replicas(wanted, live)
        return await self._send(wanted, {"uid": live.uid})

    async def _send(self, wanted: Desired, identity: Mapping[str, str]) -> Child:
        child = child_from(wanted.resource, await send(self._client, wanted, identity))
        self._caches[wanted.resource.kind].put(child)
        place = (wanted.resource.kind, wanted.key)
        self._surprises.pop(place, None)
        if child.owned != digest(owned_fields(wanted.body)):
            self._surprises[place] = (wanted.applied, child.owned)
        return child

    async def _hand_over_replicas(self, wanted: Desired, live: Child) -> None:
        """Give `spec.replicas` to another manager before we let go of it.

        A field that its last owner stops applying is removed, and a Deployment without replicas has one: switching
        an autoscaler on would cut a busy stack down to one pod. No replicas at all are not handed over: an
        autoscaler leaves a Deployment that has none alone, and the stack would never wake up.
        """
        facts = live.facts
        if not isinstance(facts, DeploymentFacts) or not facts.replicas_owned or not facts.wanted:
            return
        namespace, name = wanted.key
        body = {
            "apiVersion": wanted.resource.api_version,
            "kind": wanted.resource.kind,
            "metadata": {"namespace": namespace, "name": name, "uid": live.uid},
            "spec": {"replicas": facts.wanted},
        }
        await self._client.apply(wanted.resource, body, manager=HANDOVER_MANAGER)
