"""Whose turn it is to be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.controller.reading.turns import Turns


def taken(turns: Turns[str]) -> tuple[tuple[str, str], str]:
    found = turns.take()
    assert found is not None
    return found


class TestTurns:
    def test_go_round_the_namespaces(self) -> None:
        turns: Turns[str] = Turns(8)
        for name in "abc":
            turns.add(("greedy", name), "job")
        turns.add(("modest", "x"), "job")
        assert [taken(turns)[0] for _ in range(4)] == [
            ("greedy", "a"),
            ("modest", "x"),
            ("greedy", "b"),
            ("greedy", "c"),
        ]
        assert turns.take() is None

    def test_leave_a_reader_to_others(self) -> None:
        turns: Turns[str] = Turns(2)
        turns.add(("greedy", "a"), "job")
        turns.add(("greedy", "b"), "job")
        first, _ = taken(turns)
        assert turns.take() is None
        turns.add(("modest", "x"), "job")
        assert taken(turns)[0] == ("modest", "x")
        turns.done(first)
        assert taken(turns)[0] == ("greedy", "b")

    def test_are_taken_where_there_is_but_one_reader(self) -> None:
        turns: Turns[str] = Turns(1)
        turns.add(("only", "a"), "job")
        assert taken(turns) == (("only", "a"), "job")

    def test_of_a_stack_that_is_edited_while_it_waits_are_for_what_it_is_now(self) -> None:
        turns: Turns[str] = Turns(2)
        turns.add(("team", "a"), "old")
        turns.add(("team", "b"), "other")
        turns.add(("team", "a"), "new")
        assert taken(turns) == (("team", "a"), "new")
        assert len(turns) == 1

    def test_of_a_stack_that_is_gone_are_none(self) -> None:
        turns: Turns[str] = Turns(2)
        turns.add(("team", "a"), "job")
        turns.remove(("team", "a"))
        turns.remove(("team", "never"))
        assert turns.take() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=60), st.integers(1, 4))
def test_everything_that_waits_is_taken_once_and_nobody_has_all_readers(
    wishes: list[tuple[str, int]], readers: int
) -> None:
    turns: Turns[int] = Turns(readers)
    for namespace, number in wishes:
        turns.add((namespace, str(number)), number)
    seen: list[tuple[str, str]] = []
    working: list[tuple[str, str]] = []
    while len(turns) or working:
        found = turns.take() if len(working) < readers else None
        if found is None:
            turns.done(working.pop(0))
            continue
        working.append(found[0])
        seen.append(found[0])
        for namespace in "abc":
            assert sum(key[0] == namespace for key in working) <= max(1, readers - 1)
    assert sorted(seen) == sorted({(namespace, str(number)) for namespace, number in wishes})
