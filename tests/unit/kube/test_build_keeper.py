"""Who owns a build, what is written for that, and that what belongs to others is left alone.

The client is a fake that keeps builds by name and refuses, as the API server does, a write to another version, since
the moment between a read and a write cannot be met on a real one. tests/e2e/test_builds.py has the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from llamastack_operator.kube.build_keeper import BuildKeeper, NotThisBuildError
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.objects.builds import (
    BuildRecord,
    build_from,
    build_index,
    inputs_entry,
    owner_entry,
    phase_entry,
)
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.resources import Resource

SPEC = {"key": "a" * 64, "strategy": "Image"}
NAME = "modules-a"
BOT, SECOND = ("team-a", "bot"), ("team-a", "second")
Body = dict[str, Any]


def owner(name: str, uid: str) -> Body:
    return {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "name": name, "uid": uid}


def body(*owners: Body, key: str = SPEC["key"], version: int = 5, **metadata: Any) -> Body:
    identity = {"namespace": "team-a", "name": NAME, "uid": "build-uid", "resourceVersion": str(version)}
    return {"metadata": {**identity, "ownerReferences": list(owners), **metadata}, "spec": {**SPEC, "key": key}}


class Server:
    """Holds one build, or none, and notes each write.

    Attributes:
        lost: whether there was a build until just after it was asked for.
    """

    def __init__(self, stored: Body | None = None) -> None:
        self.stored = stored
        self.created: list[Body] = []
        self.merged: list[Body] = []
        self.deleted: list[tuple[str, int | None]] = []
        self.lost = False

    async def create(self, resource: Resource, body: Body) -> Body:
        self.created.append(body)
        if self.stored is not None or self.lost:
            raise ApiError(409, {"reason": "AlreadyExists"})
        self.stored = {**body, "metadata": {**body["metadata"], "uid": "build-uid", "resourceVersion": "6"}}
        return self.stored

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        return self.stored

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Body) -> Body:
        self._must_match(patch["metadata"]["uid"], patch["metadata"]["resourceVersion"])
        self.merged.append(patch["metadata"])
        assert self.stored is not None
        version = str(int(self.stored["metadata"]["resourceVersion"]) + 1)
        metadata = {**self.stored["metadata"], **patch["metadata"], "resourceVersion": version}
        self.stored = {**self.stored, "metadata": metadata}
        return self.stored

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: int | None = None) -> None:
        self._must_match(uid, str(version))
        self.deleted.append((uid, version))
        self.stored = None

    def _must_match(self, uid: str, version: str) -> None:
        metadata = self.stored["metadata"] if self.stored else {}
        if (metadata.get("uid"), metadata.get("resourceVersion")) != (uid, version):
            raise ApiError(409, {"reason": "Conflict"})


class Scene:
    """A keeper before a server, with a cache that knows a build, or not."""

    def __init__(self, stored: Body | None = None, known: Body | None = None) -> None:
        self.server = Server(stored)
        self.cache: Cache[BuildRecord] = Cache(build_index)
        self.changed: list[Key] = []
        if known is not None:
            self.cache.put(build_from(known))
        self.keeper = BuildKeeper(cast(Client, self.server), self.cache, lambda build: self.changed.append(build.key))

    def ensure(self, stack: Key = BOT, uid: str = "u1", spec: Body | None = None) -> None:
        run(self.keeper.ensure(stack, uid, NAME, SPEC if spec is None else spec))

    def release(self, uid: str) -> None:
        build = self.cache.get(("team-a", NAME))
        assert build is not None
        run(self.keeper.release(build, uid))

    @property
    def owners(self) -> list[str]:
        assert self.server.stored is not None
        return [entry["uid"] for entry in self.server.stored["metadata"]["ownerReferences"]]


def run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(what)


class TestEnsure:
    def test_makes_a_missing_build_with_its_first_owner_that_is_no_controller(self) -> None:
        scene = Scene()
        scene.ensure()
        (made,) = scene.server.created
        assert made["metadata"]["ownerReferences"] == [owner("bot", "u1")]
        assert made["metadata"]["labels"]["llamastack.dev/build"] == NAME
        assert made["spec"] == SPEC

    def test_makes_it_known_at_once_so_that_a_second_stack_joins_it(self) -> None:
        scene = Scene()
        scene.ensure()
        scene.ensure(SECOND, "u2")
        assert len(scene.server.created) == 1
        assert scene.owners == ["u1", "u2"]
        assert scene.changed == [("team-a", NAME), ("team-a", NAME)]

    def test_writes_nothing_for_an_owner_that_is_there(self) -> None:
        held = body(owner("bot", "u1"))
        scene = Scene(held, known=held)
        scene.ensure()
        scene.ensure(spec={})
        assert scene.server.created == scene.server.merged == []

    def test_joins_with_the_version_that_was_read_and_keeps_the_others(self) -> None:
        held = body(owner("first", "u0"))
        scene = Scene(held, known=held)
        scene.ensure()
        assert scene.server.merged == [
            {
                "ownerReferences": [owner("first", "u0"), owner("bot", "u1")],
                "uid": "build-uid",
                "resourceVersion": "5",
            }
        ]

    def test_never_undoes_the_entry_of_a_stack_that_joined_meanwhile(self) -> None:
        scene = Scene(body(owner("first", "u0"), owner("second", "u2"), version=6), known=body(owner("first", "u0")))
        with pytest.raises(ApiError) as conflict:
            scene.ensure()
        assert conflict.value.code == 409
        assert scene.owners == ["u0", "u2"]

    def test_joins_a_build_that_no_watch_has_told_of(self) -> None:
        scene = Scene(body(owner("first", "u0")))
        scene.ensure()
        assert scene.owners == ["u0", "u1"]

    @pytest.mark.parametrize("known", [True, False])
    def test_does_not_take_a_build_of_other_inputs(self, known: bool) -> None:
        foreign = body(key="f" * 64)
        scene = Scene(foreign, known=foreign if known else None)
        with pytest.raises(NotThisBuildError, match=NAME):
            scene.ensure()
        assert scene.server.merged == []
        assert scene.server.stored == foreign

    def test_leaves_a_build_that_is_on_its_way_out(self) -> None:
        going = body(deletionTimestamp="2026-01-01T00:00:00Z")
        scene = Scene(going, known=going)
        scene.ensure()
        assert scene.server.merged == []

    def test_asks_for_no_build_where_it_is_only_to_be_used_and_is_gone(self) -> None:
        scene = Scene()
        scene.ensure(spec={})
        assert scene.server.created == []

    def test_waits_for_the_next_pass_where_a_build_went_between_two_looks(self) -> None:
        scene = Scene()
        scene.server.lost = True
        scene.ensure()
        assert scene.cache.get(("team-a", NAME)) is None


class TestRelease:
    def test_takes_out_one_owner_and_keeps_the_others(self) -> None:
        held = body(owner("bot", "u1"), owner("second", "u2"))
        scene = Scene(held, known=held)
        scene.release("u1")
        assert scene.owners == ["u2"]
        assert scene.server.deleted == []

    def test_of_the_last_owner_deletes_that_very_version(self) -> None:
        held = body(owner("bot", "u1"))
        scene = Scene(held, known=held)
        scene.release("u1")
        assert scene.server.deleted == [("build-uid", 5)]
        assert scene.cache.get(("team-a", NAME)) is None

    def test_deletes_nothing_that_a_stack_joined_meanwhile(self) -> None:
        scene = Scene(body(owner("bot", "u1"), owner("second", "u2"), version=6), known=body(owner("bot", "u1")))
        with pytest.raises(ApiError) as conflict:
            scene.release("u1")
        assert conflict.value.code == 409
        assert scene.owners == ["u1", "u2"]
        assert scene.cache.get(("team-a", NAME)) is not None, "it is looked at again"


def test_a_rerun_is_an_annotation_and_leaves_the_owners_alone() -> None:
    held = body(owner("bot", "u1"))
    scene = Scene(held, known=held)
    run(scene.keeper.rerun(build_from(held), "now"))
    (written,) = scene.server.merged
    assert written == {
        "annotations": {"llamastack.dev/rerun": "now"},
        "uid": "build-uid",
        "resourceVersion": "5",
    }
    known = scene.cache.get(("team-a", NAME))
    assert known is not None
    assert (known.rerun, known.owner_uids) == ("now", {"u1"})


class TestKept:
    """What is kept of a build: enough to decide, and not its largest part."""

    def test_the_lock_is_dropped_and_remembered_as_there(self) -> None:
        status = {"phase": "Succeeded", "lock": ['{"name": "a"}'] * 500, "digest": "sha256:1"}
        kept = build_from({**body(), "status": status})
        assert kept.status == BuildStatus(phase="Succeeded", digest="sha256:1")
        assert kept.locked
        assert "lock" in status, "what was read is not changed"

    @pytest.mark.parametrize("status", [None, {}, {"phase": "Queued"}])
    def test_a_build_without_a_lock_waits_for_its_turn(self, status: Body | None) -> None:
        kept = build_from({**body(), "status": status})
        assert (kept.locked, kept.phase) == (False, "Queued")

    def test_it_is_found_by_namespace_phase_inputs_and_each_stack(self) -> None:
        kept = build_from({**body(owner("bot", "u1"), owner("second", "u2")), "status": {"phase": "Building"}})
        assert set(build_index(kept)) == {
            ("team-a", ""),
            phase_entry("Building"),
            inputs_entry("team-a", SPEC["key"]),
            owner_entry("team-a", "u1"),
            owner_entry("team-a", "u2"),
        }

    def test_a_phase_that_changed_is_found_under_the_new_one_alone(self) -> None:
        cache: Cache[BuildRecord] = Cache(build_index)
        cache.put(build_from({**body(), "status": {"phase": "Building"}}))
        cache.put(build_from({**body(version=6), "status": {"phase": "Failed"}}))
        assert [build.version for build in cache.of(phase_entry("Failed"))] == [6]
        assert list(cache.of(phase_entry("Building"))) == []
