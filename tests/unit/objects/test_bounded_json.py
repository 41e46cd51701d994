"""JSON that is nested without end is cut before it is decoded, and everything else is read as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.bounded_json import CUT, MAX_DEPTH, loads, shallow

DEEP = 9_998
"""The deepest nesting that the API server stores."""


def depth(value: Any) -> int:
    """Return the levels of lists and objects; without recursion, for values that are deep."""
    levels, parts = 0, [value]
    while parts := [part for part in parts if isinstance(part, list | dict)]:
        levels += 1
        parts = [inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)]
    return levels


def lists(levels: int) -> bytes:
    return b"[" * levels + b"1" + b"]" * levels


@pytest.mark.parametrize("levels", [1, MAX_DEPTH - 1, MAX_DEPTH])
def test_what_is_not_too_deep_is_left_as_it_is(levels: int) -> None:
    assert shallow(lists(levels)) == lists(levels)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 2 * MAX_DEPTH, DEEP])
def test_what_is_too_deep_is_replaced_by_a_remark(levels: int) -> None:
    value = json.loads(shallow(lists(levels)))
    assert depth(value) == MAX_DEPTH
    assert CUT in json.dumps(value)


def test_what_is_beside_the_deep_part_stays() -> None:
    text = b'{"before": 1, "deep": ' + lists(DEEP) + b', "after": {"b": [2]}, "again": ' + lists(DEEP) + b"}"
    value = loads(text)
    assert (value["before"], value["after"]) == (1, {"b": [2]})
    assert depth(value["deep"]) == depth(value["again"]) == MAX_DEPTH - 1


@pytest.mark.parametrize("inner", ["[" * 300, '"' + "{" * 300, "\\" + "]" * 300, '\\"' * 5 + "}" * 300])
def test_brackets_within_text_are_no_nesting(inner: str) -> None:
    text = json.dumps({"a": inner, inner: ["b"]}).encode()
    assert shallow(text) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.text(alphabet='[]{}"\\'),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(alphabet='[]{}"\\a'), parts),
)


@given(VALUES, st.integers(0, 2 * MAX_DEPTH))
def test_any_json_stays_json_and_within_bounds(value: Any, levels: int) -> None:
    text = b'{"a":' * levels + json.dumps(value).encode() + b"}" * levels
    decoded = json.loads(shallow(text))
    assert depth(decoded) <= MAX_DEPTH
    if levels + depth(value) <= MAX_DEPTH:
        assert decoded == json.loads(text)


@given(st.binary())
def test_any_bytes_that_are_no_json_are_an_error_that_readers_know(text: bytes) -> None:
    try:
        loads(text)
    except ValueError:
        return
    json.loads(text)
