"""Documents of strangers are read strictly: nothing is converted, nothing is left over, nothing breaks the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.build_json import BuildJson
from llamastack_contract.lock import stored_lock
from llamastack_contract.record import Record
from llamastack_contract.shape import ShapeError
from tests.support.records import RECORD

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=8,
)
BUILD: dict[str, Any] = {
    "format": 1,
    "key": "0" * 64,
    "base": {"image": "base:1"},
    "layer": {"kind": "modules", "root": "/opt/llamastack/modules"},
}


@given(st.sampled_from(sorted(RECORD)), ANY)
def test_a_record_with_any_value_is_read_as_it_is_or_refused(name: str, value: Any) -> None:
    document = {**RECORD, name: value}
    try:
        record = Record.from_dict(document)
    except ShapeError:
        return
    assert record.to_dict() == document


@given(st.sampled_from([*BUILD, "earlier", "pip", "labels", "registries", "before", "imageKey", "strategy"]), ANY)
def test_a_build_with_any_value_is_read_or_refused(name: str, value: Any) -> None:
    try:
        build = BuildJson.from_dict({**BUILD, name: value})
    except ShapeError:
        return
    assert BuildJson.from_dict(build.to_dict()).to_dict() == build.to_dict()


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 5000, b"[" + b"9" * 5000 + b"]", b"null"])
def test_what_is_no_json_or_too_deep_is_refused(content: bytes) -> None:
    with pytest.raises(ShapeError):
        Record.parse(content)
    with pytest.raises(ValueError, match=r"."):
        BuildJson.parse(content)


@pytest.mark.parametrize("entry", ["", "[", "1", "[" * 5000, "9" * 5000, json.dumps({"name": "m"})])
def test_a_stored_lock_that_is_none_is_refused_as_such(entry: str) -> None:
    with pytest.raises(ShapeError):
        stored_lock([entry])


def test_the_place_is_named_and_a_strangers_words_are_not_printed_as_they_are() -> None:
    with pytest.raises(ShapeError, match=r"lock\.0\.sha256"):
        Record.from_dict({**RECORD, "lock": [{**RECORD["lock"][0], "sha256": "short"}]})
    with pytest.raises(ShapeError) as caught:
        Record.from_dict({**RECORD, "a\nrecord-begin": 1})
    assert "\n" not in str(caught.value)
