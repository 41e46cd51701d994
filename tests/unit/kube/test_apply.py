"""How many requests an object costs, and that what belongs to others is left alone.

The client is a fake that counts requests and answers an apply with what was applied: which requests are saved cannot
be seen on a server. What server-side apply really does with them is pinned in tests/e2e/test_children.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.kube.apply import Applier, ContendedError, NotOursError
from llamastack_operator.kube.brake import AT_ONCE, INTERVAL, Brake
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.contention import HANDOVER_MANAGER, Contender
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.child import Child, Desired, child_from
from llamastack_operator.objects.resources import CHILDREN, DEPLOYMENTS, SERVICES, Resource
from llamastack_operator.workloads.desired import Owner, desired

OWNER, ANOTHER = Owner(("team-a", "bot"), "stack-uid"), Owner(("team-a", "bot"), "other-uid")
Body = dict[str, Any]


class Server:
    """Holds one object, or none, and notes the requests about it.

    Attributes:
        stored: the object, with its managed fields.
        requests: what was asked, in order.
        extra: fields that are recorded as ours beside those that are predicted.
    """

    def __init__(self, stored: Body | None = None) -> None:
        self.stored = stored
        self.requests: list[str] = []
        self.applied: list[Body] = []
        self.extra: Mapping[str, Any] = {}

    async def get(self, resource: Resource, namespace: str, name: str, metadata_only: bool = False) -> Body | None:
        self.requests.append("get")
        return self.stored

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        self.requests.append(f"delete {uid}")
        self.stored = None

    async def apply(
        self, resource: Resource, body: Body, manager: str = FIELD_MANAGER, metadata_only: bool = False
    ) -> Body:
        self.requests.append("apply" if manager == FIELD_MANAGER else f"apply by {manager}")
        metadata = body["metadata"]
        if metadata.get("resourceVersion") == "1" and self.stored is not None:
            raise ApiError(409, {"reason": "Conflict"})
        if manager == FIELD_MANAGER:
            self.applied.append(body)
            self.stored = stored(body, uid=metadata.get("uid", "new-uid"), version=self._next(), extra=self.extra)
        assert self.stored is not None
        return self.stored

    def _next(self) -> int:
        return int(self.stored["metadata"]["resourceVersion"]) + 1 if self.stored else 1


def stored(body: Mapping[str, Any], uid: str = "uid", version: int = 1, extra: Mapping[str, Any] | None = None) -> Body:
    """Return an applied object as the API server gives it back."""
    fields = {**owned_fields(body), **(extra or {})}
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    identity = {"uid": uid, "resourceVersion": str(version), "managedFields": [entry]}
    return {**body, "metadata": {**body["metadata"], **identity}}


def service(owner: Owner = OWNER, port: int = 80) -> Desired:
    return desired(SERVICES, owner, "bot", {"spec": {"ports": [{"port": port, "protocol": "TCP"}]}})


def deployment(**spec: Any) -> Desired:
    return desired(DEPLOYMENTS, OWNER, "bot", {"spec": {**spec, "template": {"metadata": {}, "spec": {}}}})


class Scene:
    """An applier before a server, with a cache that knows what the server has, or not."""

    def __init__(self, held: Body | None = None, resource: Resource = SERVICES, known: bool = True) -> None:
        self.server = Server(held)
        caches: dict[str, Cache[Child]] = {one.kind: Cache() for one in CHILDREN}
        self.cache = caches[resource.kind]
        if held is not None and known:
            self.cache.put(child_from(resource, held))
        self.now = 0.0
        self.applier = Applier(cast(Client, self.server), caches, Brake(lambda: self.now))

    def apply(self, wanted: Desired) -> Child:
        return asyncio.run(self.applier.apply(wanted))

    def drift(self, manager: str = "rival") -> None:
        """Let somebody take a field of a Service of ours."""
        assert self.server.stored is not None
        body = stored(self.server.stored, version=self.server._next())
        (own,) = body["metadata"]["managedFields"]
        del own["fieldsV1"]["f:spec"]
        theirs = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {"f:ports": {}}}}
        body["metadata"]["managedFields"] = [own, theirs]
        self.server.stored = body
        self.cache.put(child_from(SERVICES, body))

    def contended(self, wanted: Desired) -> ContendedError | None:
        """Apply, and return the error if somebody changes the object again and again."""
        try:
            self.apply(wanted)
        except ContendedError as error:
            return error
        return None


class TestRequests:
    def test_an_object_as_it_should_be_costs_none(self) -> None:
        scene = Scene(stored(service().body))
        assert scene.apply(service()).uid == "uid"
        assert scene.server.requests == []

    def test_a_missing_object_costs_one_and_is_known_from_then_on(self) -> None:
        scene = Scene()
        scene.apply(service())
        assert scene.cache.get(("team-a", "bot")) is not None
        scene.apply(service())
        assert scene.server.requests == ["apply"]

    def test_a_missing_object_is_made_only_if_it_is_still_missing(self) -> None:
        scene = Scene()
        scene.apply(service())
        assert scene.server.applied[0]["metadata"]["resourceVersion"] == "1"

    def test_an_object_that_should_be_another_costs_one(self) -> None:
        scene = Scene(stored(service(port=80).body))
        scene.apply(service(port=81))
        assert scene.server.requests == ["apply"]
        assert scene.server.applied[0]["metadata"]["uid"] == "uid", "never one that was made anew under the name"

    @pytest.mark.parametrize("drift", [{"f:spec": {}}, {"f:spec": {"f:ports": {}, "f:type": {}}}])
    def test_an_object_that_somebody_changed_costs_one_and_a_look_at_who_it_was(self, drift: Body) -> None:
        scene = Scene(stored(service().body, extra=drift))
        scene.apply(service())
        assert scene.server.requests == ["get", "apply"], "who it was is told, and known before it is undone only"
        scene.apply(service())
        assert scene.server.requests == ["get", "apply"]

    def test_a_forged_digest_costs_one(self) -> None:
        held = stored(service().body)
        held["metadata"]["annotations"] = {"llamastack.dev/applied": "forged"}
        scene = Scene(held)
        scene.apply(service())
        assert scene.server.requests == ["apply"]


class TestSurprise:
    """A Kubernetes that records our fields otherwise than predicted must not be written to in a circle."""

    def test_is_written_once(self) -> None:
        scene = Scene(stored(service().body, extra={"f:surprise": {}}))
        scene.server.extra = {"f:surprise": {}}
        for _ in range(3):
            scene.apply(service())
        assert scene.server.requests == ["get", "apply"], "nobody is found who made it, and none is told"

    def test_does_not_hide_a_later_change_of_somebody(self) -> None:
        scene = Scene()
        scene.server.extra = {"f:surprise": {}}
        scene.apply(service())
        scene.cache.put(child_from(SERVICES, stored(service().body, uid="new-uid", version=9, extra={"f:spec": {}})))
        scene.apply(service())
        assert scene.server.requests == ["apply", "get", "apply"]

    def test_does_not_hide_a_change_of_what_is_wanted(self) -> None:
        scene = Scene()
        scene.server.extra = {"f:surprise": {}}
        scene.apply(service(port=80))
        scene.apply(service(port=81))
        assert scene.server.requests == ["apply", "apply"]

    def test_is_forgotten_with_its_object(self) -> None:
        scene = Scene()
        scene.server.extra = {"f:surprise": {}}
        asyncio.run(scene.applier.delete(scene.apply(service())))
        assert scene.server.requests == ["apply", "delete new-uid"]
        assert len(scene.cache) == 0
        scene.cache.put(child_from(SERVICES, stored(service().body, version=9, extra={"f:surprise": {}})))
        scene.apply(service())
        assert scene.server.requests[2:] == ["get", "apply"]


class TestOthers:
    def test_an_object_of_another_stack_is_not_written(self) -> None:
        scene = Scene(stored(service(ANOTHER).body))
        with pytest.raises(NotOursError) as refused:
            scene.apply(service())
        assert (refused.value.key, refused.value.leftover) == (("team-a", "bot"), True)
        assert scene.server.requests == []

    @pytest.mark.parametrize("earlier_stack", [False, True])
    def test_an_object_that_no_cache_knew_is_looked_at_and_not_written(self, earlier_stack: bool) -> None:
        theirs = {"metadata": {"namespace": "team-a", "name": "bot", "uid": "x", "resourceVersion": "4"}, "spec": {}}
        held = stored(service(ANOTHER).body) if earlier_stack else theirs
        scene = Scene(held, known=False)
        with pytest.raises(NotOursError) as refused:
            scene.apply(service())
        assert refused.value.leftover is earlier_stack
        assert scene.server.requests == ["apply", "get"], "the apply was one that only creates"
        assert scene.server.stored == held

    def test_an_object_of_ours_that_no_cache_knew_is_brought_up_to_date(self) -> None:
        scene = Scene(stored(service(port=80).body), known=False)
        scene.apply(service(port=81))
        assert scene.server.requests == ["apply", "get", "apply"]
        assert scene.server.applied[0]["metadata"]["uid"] == "uid"

    def test_an_object_that_went_while_it_was_looked_at_is_made(self) -> None:
        scene = Scene(stored(service(ANOTHER).body), known=False)
        held = scene.server.get

        async def gone(*arguments: Any) -> None:
            await held(*arguments)
            scene.server.stored = None

        scene.server.get = gone  # type: ignore[method-assign,assignment]
        assert scene.apply(service()).owner_uid == "stack-uid"
        assert scene.server.requests == ["apply", "get", "apply"]

    def test_a_refusal_of_the_api_server_is_handed_on(self) -> None:
        scene = Scene()

        async def refuse(*_: Any, **__: Any) -> Any:
            raise ApiError(422, {"message": "no such port"})

        scene.server.apply = refuse  # type: ignore[method-assign]
        with pytest.raises(ApiError, match="no such port"):
            scene.apply(service())
        assert len(scene.cache) == 0


class TestReplicas:
    """Where an autoscaler comes in: replicas that we just stopped applying would fall back to one."""

    def test_are_handed_over_before_they_are_let_go_of(self) -> None:
        scene = Scene(stored(deployment(replicas=4).body), DEPLOYMENTS)
        scene.apply(deployment())
        assert scene.server.requests == [f"apply by {HANDOVER_MANAGER}", "apply"]
        scene.apply(deployment())
        assert len(scene.server.requests) == 2

    def test_that_the_autoscaler_has_already_are_not(self) -> None:
        scene = Scene(stored(deployment(minReadySeconds=1).body), DEPLOYMENTS)
        scene.apply(deployment())
        assert scene.server.requests == ["apply"]

    def test_that_stay_ours_are_not(self) -> None:
        scene = Scene(stored(deployment(replicas=4).body), DEPLOYMENTS)
        scene.apply(deployment(replicas=5))
        assert scene.server.requests == ["apply"]

    def test_of_a_suspended_stack_are_not_so_that_it_wakes_up(self) -> None:
        """A HorizontalPodAutoscaler leaves a Deployment of no replicas alone: it would sleep for ever."""
        scene = Scene(stored(deployment(replicas=0).body), DEPLOYMENTS)
        scene.apply(deployment())
        assert scene.server.requests == ["apply"]

    def test_are_set_by_themselves_where_the_rest_is_held_back(self) -> None:
        scene = Scene(stored(deployment(replicas=4).body), DEPLOYMENTS)
        live = scene.cache.get(("team-a", "bot"))
        assert live is not None
        asyncio.run(scene.applier.scale(live, 4))
        assert scene.server.requests == []
        asyncio.run(scene.applier.scale(live, 5))
        assert scene.server.requests == [f"apply by {HANDOVER_MANAGER}"]
        assert scene.server.applied == [], "nothing else of it is written"

    def test_that_somebody_else_sets_again_and_again_are_set_back_once_a_minute(self) -> None:
        scene = Scene(stored(deployment(replicas=4).body), DEPLOYMENTS)
        live = scene.cache.get(("team-a", "bot"))
        assert live is not None
        for second in range(600):
            scene.now = float(second)
            asyncio.run(scene.applier.scale(live, 5))
        assert len(scene.server.requests) <= AT_ONCE + 600 / INTERVAL


class TestContention:
    """Nobody is fought with: what somebody changes again and again is set back once a minute, and told."""

    def test_a_change_by_hand_is_undone_at_once_a_few_times(self) -> None:
        scene = Scene(stored(service().body))
        for _ in range(AT_ONCE - 1):
            scene.drift()
            assert scene.contended(service()) is None

    def test_an_undone_change_is_told_with_who_made_it(self) -> None:
        scene = Scene(stored(service().body))
        scene.drift("kubectl-edit")
        told = []

        async def corrected(by: Contender) -> None:
            told.append((by.manager, by.field, scene.server.requests[-1]))

        asyncio.run(scene.applier.apply(service(), corrected))
        assert told == [("kubectl-edit", "spec.ports", "apply")]
        assert scene.applier.corrections == {"Service": 1}

    def test_from_then_on_it_is_told_with_who_and_what_and_undone_once_a_minute(self) -> None:
        scene = Scene(stored(service().body))
        applies = 0
        for second in range(600):
            scene.now = float(second)
            scene.drift()
            error = scene.contended(service())
            applies = scene.server.requests.count("apply")
            if second >= AT_ONCE:
                assert error is not None
                assert (error.contender.manager, error.contender.field) == ("rival", "spec.ports")
        assert applies <= AT_ONCE + 600 / INTERVAL

    def test_it_is_told_until_the_object_has_been_left_alone_for_a_while(self) -> None:
        scene = Scene(stored(service().body))
        for _ in range(AT_ONCE):
            scene.drift()
            scene.contended(service())
        assert scene.contended(service()) is not None, "it was set back just now, and says so"
        scene.now += INTERVAL
        assert scene.contended(service()) is None

    def test_an_edit_of_the_stack_is_applied_whatever_was(self) -> None:
        scene = Scene(stored(service().body))
        for _ in range(AT_ONCE + 1):
            scene.drift()
            scene.contended(service())
        assert scene.contended(service(port=81)) is None
        assert scene.server.applied[-1]["spec"]["ports"][0]["port"] == 81

    def test_an_object_that_is_deleted_again_and_again_is_made_once_a_minute(self) -> None:
        scene = Scene()
        for _ in range(20):
            error = scene.contended(service())
            scene.cache.remove(("team-a", "bot"))
            scene.server.stored = None
        assert error is not None
        assert error.contender.deletes
        assert scene.server.requests.count("apply") == AT_ONCE

    def test_another_operator_that_makes_it_otherwise_is_known_by_its_digest(self) -> None:
        scene = Scene(stored(service().body))
        for number in range(AT_ONCE + 1):
            scene.cache.put(child_from(SERVICES, stored(service(port=82).body, version=100 * (number + 1))))
            scene.server.stored = stored(service(port=82).body, version=100 * (number + 1))
            error = scene.contended(service())
        assert error is not None
        assert error.contender.renders
