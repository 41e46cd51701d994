"""Whose turn it is: no tenant keeps another waiting, users come before what the operator asks for by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.child import Key
from llamastack_operator.planning.build.choose import Places, Urgency, Waiting, choose, waiting
from tests.support.build_attempts import build

EDIT, RETRY, REFRESH, RERUN = Urgency


def line(namespace: str, count: int, urgency: Urgency = EDIT, first: int = 0) -> list[Waiting]:
    """Return builds of a namespace that wait, the oldest first."""
    return [
        Waiting(urgency, f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z", (namespace, f"{namespace}-{number}"))
        for number in range(first, first + count)
    ]


def chosen(
    queue: list[Waiting], running: dict[str, int] | None = None, total: int = 4, namespace: int = 2, **served: int
) -> list[str]:
    return [key[1] for key in choose(queue, Counter(running or {}), served, Places(total, namespace))]


class TestShares:
    def test_of_one_namespace_are_never_all_places(self) -> None:
        assert chosen(line("a", 50)) == ["a-0", "a-1"]
        assert chosen(line("a", 50), total=4, namespace=9) == ["a-0", "a-1", "a-2"]

    def test_are_one_place_where_there_is_only_one(self) -> None:
        assert chosen(line("a", 50), total=1) == ["a-0"]

    def test_count_what_runs(self) -> None:
        assert chosen(line("a", 50), {"a": 1}) == ["a-0"]
        assert chosen(line("a", 50), {"a": 2}) == []
        assert chosen(line("a", 50), {"b": 2, "c": 2}) == []

    def test_go_to_who_has_least_at_work(self) -> None:
        assert chosen(line("a", 9) + line("b", 1, first=50), {"a": 1}, total=2) == ["b-50"]

    def test_of_more_than_may_run_by_a_new_setting_are_waited_for(self) -> None:
        assert chosen(line("b", 1), {"a": 9}) == []


class TestOrder:
    @pytest.mark.parametrize(("first", "second"), [(EDIT, RETRY), (RETRY, REFRESH), (REFRESH, RERUN)])
    def test_is_by_urgency_before_age(self, first: Urgency, second: Urgency) -> None:
        queue = line("a", 1, second) + line("a", 1, first, first=5)
        assert chosen(queue) == ["a-5", "a-0"]
        others = line("a", 1, second) + line("b", 1, first, first=5)
        assert chosen(others) == ["b-5", "a-0"]

    def test_is_by_age_among_equals(self) -> None:
        assert chosen(line("a", 3)[::-1]) == ["a-0", "a-1"]

    def test_takes_turns_between_namespaces(self) -> None:
        queue = line("a", 50) + line("b", 1, first=55)
        assert chosen(queue, total=1, a=7) == ["b-55"]
        assert chosen(queue, total=1, a=7, b=6) == ["b-55"]
        assert chosen(queue, total=1, a=6, b=7) == ["a-0"]

    def test_is_the_same_for_every_order_in_which_builds_are_known(self) -> None:
        queue = line("a", 3) + line("b", 2, REFRESH) + line("c", 1, RETRY)
        assert chosen(queue) == chosen(queue[::-1]) == ["a-0", "c-0", "b-0", "a-1"]


class TestUrgency:
    def test_of_what_a_user_asked_for(self) -> None:
        assert waiting(build()).urgency is EDIT

    def test_of_a_further_try(self) -> None:
        assert waiting(build(phase="Queued", attempts=1)).urgency is RETRY

    def test_of_an_interval(self) -> None:
        assert waiting(build({"cause": "Refresh"})).urgency is REFRESH

    def test_of_an_image_that_a_registry_lost(self) -> None:
        assert waiting(build(asked="then", phase="Queued", attempts=3)).urgency is RERUN


QUEUES = st.lists(
    st.builds(
        Waiting,
        urgency=st.sampled_from(Urgency),
        created=st.integers(0, 9).map(lambda minute: f"2026-01-01T00:0{minute}:00Z"),
        key=st.tuples(st.sampled_from("abcdef"), st.integers(0, 99).map(str)),
    ),
    unique_by=lambda one: one.key,
    max_size=60,
)
RUNNING = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4)).map(Counter)
SERVED = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 99))
PLACES = st.builds(Places, total=st.integers(1, 9), namespace=st.integers(1, 9))


@given(QUEUES, RUNNING, SERVED, PLACES)
def test_never_more_than_may_run_and_no_place_stays_free_that_somebody_may_have(
    queue: list[Waiting], running: Counter[str], served: dict[str, int], places: Places
) -> None:
    picked = choose(queue, running, served, places)
    after = running + Counter(key[0] for key in picked)
    assert len(set(picked)) == len(picked)
    assert set(picked) <= {one.key for one in queue}
    assert not picked or after.total() <= places.total
    assert all(after[key[0]] <= places.share for key in picked)
    left = {one.key for one in queue} - set(picked)
    assert not any(places.has_room(after, key[0]) for key in left)


@given(QUEUES, RUNNING, SERVED, PLACES)
def test_within_a_namespace_nothing_overtakes_what_is_more_urgent_or_older(
    queue: list[Waiting], running: Counter[str], served: dict[str, int], places: Places
) -> None:
    picked = set(choose(queue, running, served, places))
    for one in queue:
        if one.key in picked:
            assert all(
                other.key in picked or other > one for other in queue if other.key[0] == one.key[0] and other != one
            )


@given(QUEUES, RUNNING, SERVED, PLACES)
def test_the_next_place_goes_to_a_namespace_with_the_fewest_at_work(
    queue: list[Waiting], running: Counter[str], served: dict[str, int], places: Places
) -> None:
    picked = choose(queue, running, served, places)
    if picked:
        assert running[picked[0][0]] == min(running[one.key[0]] for one in queue)


@given(
    st.integers(1, 50),
    st.sampled_from(Urgency),
    st.integers(2, 9),
    st.integers(1, 9),
    st.lists(st.none() | st.integers(0, 9), max_size=60),
)
def test_a_namespace_with_one_build_beside_one_with_fifty_starts_as_soon_as_a_place_is_free(
    many: int, urgency: Urgency, total: int, namespace: int, ends: list[int | None]
) -> None:
    """However many of the other's run, end and wait; and where there are two places one is free at once."""
    places, queue, running, served = Places(total, namespace), line("many", many), list[Key](), dict[str, int]()
    one = replace(line("one", 1, urgency)[0], created="2026-02-01T00:00:00Z")
    for step, end in enumerate(ends):
        if end is not None and end < len(running):
            running.pop(end)
        for key in choose(queue, Counter(key[0] for key in running), served, places):
            running.append(key)
            served[key[0]] = step
            queue = [other for other in queue if other.key != key]
    assert one.key in choose([*queue, one], Counter(key[0] for key in running), served, places)


@given(st.integers(1, 50), st.sampled_from(Urgency))
def test_where_there_is_one_place_equals_take_turns(many: int, urgency: Urgency) -> None:
    queue = line("many", many, urgency) + line("one", 1, urgency, first=51)
    picked = choose(queue, Counter(), {"many": 1}, Places(1, 1))
    assert picked == (("one", "one-51"),)
