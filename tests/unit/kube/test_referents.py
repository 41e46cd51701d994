"""Which ConfigMaps are followed for whom; reading them needs an API server and is pinned in tests/e2e."""

from __future__ import annotations

from typing import Any, cast

import pytest

from llamastack_operator.kube.client import Client
from llamastack_operator.kube.objects import Key
from llamastack_operator.kube.referents import ConfigMapContent, Referents

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
    referents.follow(BOT, {SHARED})
    kept = referents.convert({**metadata(SHARED, 9), "data": {"a": "large"}})
    assert kept is not None
    assert (kept.key, kept.version) == (SHARED, 9)
    assert not hasattr(kept, "data")


def test_a_change_concerns_all_stacks_that_refer_to_it(referents: Referents) -> None:
    referents.follow(BOT, {SHARED, OWN})
    referents.follow(OTHER, {SHARED})
    assert set(referents.users(SHARED)) == {BOT, OTHER}
    assert set(referents.users(OWN)) == {BOT}


def test_a_stack_that_refers_to_something_else_is_told_of_the_old_no_more(referents: Referents) -> None:
    referents.follow(BOT, {SHARED})
    referents.follow(OTHER, {SHARED})
    referents.follow(BOT, {OWN})
    assert set(referents.users(SHARED)) == {OTHER}
    assert referents.convert(metadata(SHARED)) is not None


def test_what_the_last_stack_let_go_of_is_forgotten(referents: Referents) -> None:
    referents.follow(BOT, {SHARED})
    kept = referents.convert(metadata(SHARED))
    assert kept is not None
    referents.watched.put(kept)
    referents.follow(BOT, set())
    assert list(referents.users(SHARED)) == []
    assert referents.watched.get(SHARED) is None
    assert referents.convert(metadata(SHARED)) is None


def test_a_stack_without_references_may_be_forgotten_again_and_again(referents: Referents) -> None:
    for _ in range(2):
        referents.follow(BOT, set())
    assert list(referents.users(SHARED)) == []


def test_a_key_may_be_text_or_binary() -> None:
    content = ConfigMapContent(1, {"text": "a"}, {"binary": "AA=="})
    assert "text" in content
    assert "binary" in content
    assert "other" not in content
