"""The cache: in step with whatever order events and own writes come in."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.kube.cache import Cache, by_namespace_too
from llamastack_operator.objects.child import Key


@dataclass(frozen=True)
class Item:
    key: Key
    version: int
    group: str = "bot"
    uid: str = "u"


def item(name: str = "a", version: int = 1, group: str = "bot", uid: str = "u", namespace: str = "team-a") -> Item:
    return Item((namespace, name), version, group, uid)


def filled(*items: Item) -> Cache[Item]:
    cache: Cache[Item] = Cache()
    for one in items:
        assert cache.put(one)
    return cache


BOT = ("team-a", "bot")


class TestPut:
    def test_news_is_taken(self) -> None:
        cache = filled(item(version=1))
        assert cache.put(item(version=2))
        assert cache.get(("team-a", "a")) == item(version=2)
        assert len(cache) == 1

    def test_the_echo_of_an_own_write_is_no_news(self) -> None:
        cache = filled(item(version=2))
        assert not cache.put(item(version=2))

    def test_what_is_older_is_no_news_and_changes_nothing(self) -> None:
        cache = filled(item(version=2))
        assert not cache.put(item(version=1))
        assert cache.get(("team-a", "a")) == item(version=2)


class TestRemove:
    def test_gives_back_what_was_known(self) -> None:
        cache = filled(item())
        assert cache.remove(("team-a", "a"), "u") == item()
        assert len(cache) == 0
        assert list(cache.of(BOT)) == []

    def test_of_what_was_made_anew_under_the_name_is_ignored(self) -> None:
        cache = filled(item(uid="new"))
        assert cache.remove(("team-a", "a"), "old") is None
        assert len(cache) == 1

    def test_without_a_uid_takes_whatever_has_the_name(self) -> None:
        assert filled(item(uid="any")).remove(("team-a", "a")) is not None

    def test_of_what_is_not_known_is_no_news(self) -> None:
        assert filled().remove(("team-a", "a"), "u") is None


class TestStacks:
    def test_find_their_members_in_the_order_of_names(self) -> None:
        cache = filled(item("c"), item("a"), item("b", group="other"))
        assert [one.key[1] for one in cache.of(BOT)] == ["a", "c"]

    def test_of_one_name_in_two_namespaces_are_two(self) -> None:
        cache = filled(item("a"), item("a", namespace="team-b"))
        assert list(cache.of(("team-b", "bot"))) == [item("a", namespace="team-b")]

    def test_lose_a_member_whose_label_moves_it_to_another(self) -> None:
        cache = filled(item())
        cache.put(item(version=2, group="other"))
        assert list(cache.of(BOT)) == []
        assert list(cache.of(("team-a", "other"))) == [item(version=2, group="other")]

    def test_that_are_unknown_have_no_members(self) -> None:
        assert list(filled().of(BOT)) == []


ITEMS = st.builds(
    item, name=st.sampled_from("abc"), version=st.integers(1, 9), group=st.sampled_from("xy"), uid=st.sampled_from("uv")
)


@given(st.lists(st.tuples(st.sampled_from(["put", "remove"]), ITEMS), max_size=40))
def test_the_index_always_tells_what_the_objects_tell(steps: list[tuple[str, Item]]) -> None:
    cache: Cache[Item] = Cache()
    for step, one in steps:
        if step == "put":
            cache.put(one)
        else:
            cache.remove(one.key, one.uid)
        held = [known for key in sorted(cache.keys()) if (known := cache.get(key)) is not None]
        for group in "xy":
            members = list(cache.of(("team-a", group)))
            assert members == [known for known in held if known.group == group]


class TestByNamespaceToo:
    def test_finds_all_of_a_namespace_and_those_of_one_group(self) -> None:
        cache: Cache[Item] = Cache(by_namespace_too)
        for one in (item("a"), item("b", group="other"), item("c", namespace="team-b")):
            cache.put(one)
        assert [one.key[1] for one in cache.of(("team-a", ""))] == ["a", "b"]
        assert [one.key[1] for one in cache.of(BOT)] == ["a"]
        assert (cache.has(("team-b", "")), cache.has(("team-c", ""))) == (True, False)

    def test_forgets_what_is_of_no_group(self) -> None:
        """It is found under one entry for two reasons."""
        cache: Cache[Item] = Cache(by_namespace_too)
        cache.put(item(group=""))
        assert cache.remove(("team-a", "a")) == item(group="")
        assert not cache.has(("team-a", ""))
