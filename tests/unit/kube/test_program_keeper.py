"""One ConfigMap a namespace holds the program that checks and runs servers: made once, and never taken from another.

The client is a fake that keeps ConfigMaps by name, since the moment between a look and a write cannot be met on a real
one. tests/e2e/test_start_program.py has the real one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from llamastack_contract.paths import START_FILE
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.program_keeper import NotThisProgramError, ProgramKeeper
from llamastack_operator.objects.program_record import ProgramRecord, program_record
from llamastack_operator.objects.resources import Resource
from llamastack_operator.workloads.runtime import StartProgram

CONTENT = b"a program"
OWN = StartProgram(hashlib.sha256(CONTENT).hexdigest())
OTHER = StartProgram("f" * 64)
Body = dict[str, Any]


class Server:
    """Holds ConfigMaps, and notes each write."""

    def __init__(self) -> None:
        self.stored: dict[str, Body] = {}
        self.created: list[Body] = []
        self.deleted: list[tuple[str, str, int | None]] = []

    def hold(self, body: Body) -> Body:
        metadata = {**body["metadata"], "uid": f"uid-{len(self.stored)}", "resourceVersion": "7"}
        return self.stored.setdefault(metadata["name"], {**body, "metadata": metadata})

    async def create(self, resource: Resource, body: Body) -> Body:
        self.created.append(body)
        await asyncio.sleep(0)
        if body["metadata"]["name"] in self.stored:
            raise ApiError(409, {"reason": "AlreadyExists"})
        return self.hold(body)

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        return self.stored.get(name)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: int | None = None) -> None:
        self.deleted.append((name, uid, version))


class Scene:
    def __init__(self) -> None:
        self.server = Server()
        self.cache: Cache[ProgramRecord] = Cache()
        self.keeper = ProgramKeeper(cast(Client, self.server), self.cache, CONTENT)

    def ensure(self, program: StartProgram = OWN, namespace: str = "team-a") -> None:
        run(self.keeper.ensure(namespace, program))

    def know(self, program: StartProgram, **metadata: Any) -> None:
        body = {"metadata": {"namespace": "team-a", "name": program.config_map, **metadata}}
        self.cache.put(program_record(self.server.hold(body)))


def run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(what)


class TestEnsure:
    def test_makes_it_immutable_and_named_by_what_it_holds(self) -> None:
        scene = Scene()
        scene.ensure()
        (body,) = scene.server.created
        assert base64.b64decode(body["binaryData"][START_FILE]) == CONTENT
        assert body["immutable"] is True
        assert body["metadata"]["name"] == f"llamastack-start-{hashlib.sha256(CONTENT).hexdigest()[:16]}"
        assert "ownerReferences" not in body["metadata"]

    def test_makes_it_once_for_all_stacks_of_a_namespace(self) -> None:
        scene = Scene()
        scene.ensure()
        scene.ensure()
        scene.ensure(namespace="team-b")
        assert [body["metadata"]["namespace"] for body in scene.server.created] == ["team-a", "team-b"]

    def test_makes_it_once_where_many_come_at_once(self) -> None:
        scene = Scene()

        async def both() -> None:
            await asyncio.gather(*(scene.keeper.ensure("team-a", OWN) for _ in range(8)))

        run(both())
        assert len(scene.server.created) == 1

    def test_takes_one_that_was_made_since_the_cache_was_filled(self) -> None:
        scene = Scene()
        scene.ensure()
        later = Scene()
        later.server.stored = dict(scene.server.stored)
        later.ensure()
        assert later.keeper.names("team-a") == {OWN.config_map}

    @pytest.mark.parametrize(
        "change",
        [
            {"binaryData": {START_FILE: base64.b64encode(b"another").decode()}},
            {"binaryData": {START_FILE: base64.b64encode(CONTENT).decode(), "b": "YQ=="}},
            {"immutable": False},
            {"metadata": {"namespace": "team-a", "name": OWN.config_map, "uid": "u", "resourceVersion": "3"}},
        ],
    )
    def test_does_not_take_one_of_somebody_else(self, change: Body) -> None:
        scene = Scene()
        scene.ensure()
        forged = {**scene.server.stored[OWN.config_map], **change}
        later = Scene()
        later.server.stored = {OWN.config_map: forged}
        with pytest.raises(NotThisProgramError, match=OWN.config_map):
            later.ensure()
        assert later.keeper.names("team-a") == frozenset()

    def test_makes_none_of_another_operator(self) -> None:
        scene = Scene()
        scene.ensure(OTHER)
        assert scene.server.created == []

    def test_makes_one_again_that_is_on_its_way_out(self) -> None:
        scene = Scene()
        scene.know(OWN, deletionTimestamp="2026-01-01T00:00:00Z")
        assert scene.keeper.names("team-a") == frozenset()
        with pytest.raises(NotThisProgramError):
            scene.ensure()
        assert len(scene.server.created) == 1


class TestSweep:
    def test_deletes_what_nobody_needs_as_it_was_seen(self) -> None:
        scene = Scene()
        scene.know(OWN)
        scene.know(OTHER)
        run(scene.keeper.sweep("team-a", {OWN.config_map}))
        assert scene.server.deleted == [(OTHER.config_map, "uid-1", 7)]
        assert scene.keeper.names("team-a") == {OWN.config_map}

    def test_leaves_other_namespaces_alone(self) -> None:
        scene = Scene()
        scene.know(OWN)
        run(scene.keeper.sweep("team-b", set()))
        assert scene.server.deleted == []
