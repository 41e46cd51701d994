"""Which ConfigMaps are followed for whom, and how seldom they are read.

The client of the readings is a fake that counts them; that changes of ConfigMaps reach their stacks is pinned with an
API server in tests/e2e/test_references.py.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from llamastack_operator.kube.client import Client
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import WHOLE, ConfigMapContent, ConfigMapDigests
from llamastack_operator.objects.resources import Resource

SHARED, OWN = ("team-a", "shared"), ("team-a", "own")
BOT, OTHER = ("team-a", "bot"), ("team-a", "other")


@pytest.fixture
def referents() -> Referents:
    """Following asks the API server nothing, so that no client is needed."""
    return Referents(cast(Client, None))


def metadata(key: Key, version: int = 7) -> dict[str, Any]:
    namespace, name = key
    return {"metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": str(version)}}


def test_a_config_map_that_nobody_refers_to_is_not_kept(referents: Referents) -> None:
    assert referents.convert(metadata(SHARED)) is None


def test_one_that_a_stack_refers_to_is_kept_with_its_version_alone(referents: Referents) -> None:
    referents.follow(BOT, {SHARED: {WHOLE}})
    kept = referents.convert({**metadata(SHARED, 9), "data": {"a": "large"}})
    assert kept is not None
    assert (kept.key, kept.version) == (SHARED, 9)
    assert not hasattr(kept, "data")


def test_a_change_concerns_all_stacks_that_refer_to_it(referents: Referents) -> None:
    referents.follow(BOT, {SHARED: {WHOLE}, OWN: {WHOLE}})
    referents.follow(OTHER, {SHARED: {WHOLE}})
    assert set(referents.users(SHARED)) == {BOT, OTHER}
    assert set(referents.users(OWN)) == {BOT}


def test_a_stack_that_refers_to_something_else_is_told_of_the_old_no_more(referents: Referents) -> None:
    referents.follow(BOT, {SHARED: {WHOLE}})
    referents.follow(OTHER, {SHARED: {WHOLE}})
    referents.follow(BOT, {OWN: {WHOLE}})
    assert set(referents.users(SHARED)) == {OTHER}
    assert referents.convert(metadata(SHARED)) is not None


def test_what_the_last_stack_let_go_of_is_forgotten(referents: Referents) -> None:
    referents.follow(BOT, {SHARED: {WHOLE}})
    kept = referents.convert(metadata(SHARED))
    assert kept is not None
    referents.watched.put(kept)
    referents.follow(BOT, {})
    assert list(referents.users(SHARED)) == []
    assert referents.watched.get(SHARED) is None
    assert referents.convert(metadata(SHARED)) is None


def test_a_stack_without_references_may_be_forgotten_again_and_again(referents: Referents) -> None:
    for _ in range(2):
        referents.follow(BOT, {})
    assert list(referents.users(SHARED)) == []


def test_a_key_may_be_text_or_binary() -> None:
    digests = ConfigMapContent(1, {"text": "a"}, {"binary": "AA=="}).digests({"text", "binary", "other"})
    found = {key: part and part.is_text for key, part in digests.parts.items()}
    assert found == {"text": True, "binary": False, "other": None}


class Server:
    """Holds objects by name and counts how often each one is read."""

    def __init__(self, **objects: dict[str, Any]) -> None:
        self.objects = objects
        self.read: list[str] = []

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        self.read.append(name)
        return self.objects.get(name)


class Readings:
    """A ConfigMap that a stack refers to, with a server that may have it and a watch that may tell of it."""

    def __init__(self, *parts: str | None, **objects: dict[str, Any]) -> None:
        self.parts = set(parts) or {WHOLE}
        self.server = Server(**objects)
        self.referents = Referents(cast(Client, self.server))
        self.referents.follow(BOT, {SHARED: self.parts})

    def digests(self) -> ConfigMapDigests | None:
        return asyncio.run(self.referents.digests(SHARED, self.parts))

    def content(self) -> ConfigMapContent | None:
        return asyncio.run(self.referents.content(SHARED))

    def watch_tells(self, version: int) -> bool:
        """Return whether that is news, so that all are told who refer to it."""
        seen = self.referents.convert(metadata(SHARED, version))
        assert seen is not None
        return self.referents.watched.put(seen)


def config_map(version: int, **data: str) -> dict[str, Any]:
    return {**metadata(SHARED, version), "data": data}


class TestTheDigests:
    def test_are_made_once(self) -> None:
        readings = Readings(shared=config_map(7, a="1"))
        first = readings.digests()
        assert first is not None and first.part(WHOLE) is not None
        assert [readings.digests() for _ in range(2)] == [first, first]
        assert readings.server.read == ["shared"]

    def test_are_not_made_again_for_what_the_watch_tells_late(self) -> None:
        readings = Readings(shared=config_map(7))
        readings.digests()
        readings.watch_tells(7)
        readings.digests()
        assert readings.server.read == ["shared"]

    def test_are_made_again_where_the_watch_tells_of_a_newer_version(self) -> None:
        readings = Readings(shared=config_map(7, a="1"))
        before = readings.digests()
        readings.server.objects["shared"] = config_map(8, a="2")
        readings.watch_tells(8)
        after = readings.digests()
        assert before is not None and after is not None and before.part(WHOLE) != after.part(WHOLE)
        readings.digests()
        assert len(readings.server.read) == 2

    def test_of_one_that_is_absent_are_looked_for_once_and_then_waited_for(self) -> None:
        readings = Readings()
        assert [readings.digests() for _ in range(3)] == [None, None, None]
        assert readings.server.read == ["shared"]
        readings.server.objects["shared"] = config_map(9)
        readings.watch_tells(9)
        assert readings.digests() is not None

    def test_of_one_that_is_deleted_are_gone(self) -> None:
        readings = Readings(shared=config_map(7))
        readings.digests()
        del readings.server.objects["shared"]
        readings.referents.watched.remove(SHARED)
        assert [readings.digests(), readings.digests()] == [None, None]
        assert len(readings.server.read) == 2

    def test_of_one_that_nobody_refers_to_any_more_are_made_anew_for_the_next_one(self) -> None:
        readings = Readings(shared=config_map(7))
        readings.digests()
        readings.referents.follow(BOT, {})
        readings.referents.follow(OTHER, {SHARED: {WHOLE}})
        readings.digests()
        assert len(readings.server.read) == 2

    def test_are_made_of_what_is_used_alone(self) -> None:
        readings = Readings("a", shared=config_map(7, a="1", b="2"))
        digests = readings.digests()
        assert digests is not None
        assert digests.parts.keys() == {"a"}

    def test_are_made_again_for_somebody_who_uses_more_and_then_for_both(self) -> None:
        readings = Readings("a", shared=config_map(7, a="1", b="2"))
        readings.digests()
        readings.referents.follow(OTHER, {SHARED: {"b"}})
        digests = asyncio.run(readings.referents.digests(SHARED, {"b"}))
        assert digests is not None
        assert digests.parts.keys() == {"a", "b"}
        readings.digests()
        assert len(readings.server.read) == 2


class TestTheContent:
    def test_is_read_each_time_and_not_kept(self) -> None:
        readings = Readings(shared=config_map(7, a="1"))
        for version, text in (7, "1"), (8, "2"):
            readings.server.objects["shared"] = config_map(version, a=text)
            content = readings.content()
            assert content is not None and content.data == {"a": text}
        assert readings.server.read == ["shared", "shared"]

    def test_brings_the_digests_with_it(self) -> None:
        readings = Readings("a", shared=config_map(7, a="1"))
        content = readings.content()
        assert content is not None
        assert readings.digests() == content.digests({"a"})
        assert readings.server.read == ["shared"]

    def test_that_one_stack_reads_before_the_watch_tells_of_it_is_news_to_all_others(self) -> None:
        readings = Readings(shared=config_map(7))
        readings.digests()
        readings.server.objects["shared"] = config_map(8)
        readings.content()
        assert readings.watch_tells(8)

    def test_of_one_that_is_absent_is_waited_for(self) -> None:
        readings = Readings()
        assert [readings.content() for _ in range(3)] == [None, None, None]
        assert readings.server.read == ["shared"]

    def test_that_is_peeked_at_is_nothing_to_remember(self) -> None:
        readings = Readings(shared=config_map(7, a="1"))
        content = asyncio.run(readings.referents.peek(SHARED))
        assert content is not None and content.data == {"a": "1"}
        assert readings.referents.watched.get(SHARED) is None
        assert asyncio.run(readings.referents.peek(OWN)) is None

    def test_without_data_has_no_keys(self) -> None:
        content = Readings(shared=metadata(SHARED)).content()
        assert content is not None
        assert (content.data, content.binary) == ({}, {})


def test_of_a_secret_only_the_keys_are_kept() -> None:
    referents = Referents(cast(Client, Server(own={"data": {"token": "c2VjcmV0"}}, empty={})))
    assert asyncio.run(referents.secret_keys(OWN)) == {"token"}
    assert asyncio.run(referents.secret_keys(("team-a", "empty"))) == frozenset()
    assert asyncio.run(referents.secret_keys(SHARED)) is None


def test_of_a_claim_only_the_access_modes_are_kept() -> None:
    held = {"own": {"spec": {"accessModes": ["ReadWriteMany"]}}, "empty": {"spec": {}}}
    referents = Referents(cast(Client, Server(**held)))
    assert asyncio.run(referents.claim_modes(OWN)) == ("ReadWriteMany",)
    assert asyncio.run(referents.claim_modes(("team-a", "empty"))) == ()
    assert asyncio.run(referents.claim_modes(SHARED)) is None
