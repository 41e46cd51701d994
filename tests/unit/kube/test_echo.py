"""Which events of a watch are known before they are decoded, and that no other is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.kube.echo import Head, head_of

METADATA = {"name": "bot", "namespace": "team-a", "uid": "1-2", "resourceVersion": "7", "creationTimestamp": None}


def line(kind: str = "ADDED", **metadata: Any) -> bytes:
    """Return an event as the API server writes it: without blanks, its fields in the order of their declaration."""
    body = {"kind": "Service", "apiVersion": "v1", "metadata": {**METADATA, **metadata}, "spec": {}}
    return json.dumps({"type": kind, "object": body}, separators=(",", ":")).encode()


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_an_event_begins_with_whose_it_is_and_of_which_version(kind: str) -> None:
    assert head_of(line(kind)) == Head(("team-a", "bot"), "1-2", 7)


def test_a_name_that_was_generated_is_written_beside_what_it_was_made_of() -> None:
    made = line().replace(b'"name":"bot",', b'"name":"bot-x","generateName":"bot-",')
    assert head_of(made) == Head(("team-a", "bot-x"), "1-2", 7)


@pytest.mark.parametrize("kind", ["DELETED", "BOOKMARK", "ERROR"])
def test_a_delete_is_always_read(kind: str) -> None:
    assert head_of(line(kind)) is None


def test_what_is_written_in_another_order_is_read_as_ever() -> None:
    """Objects of our own kinds have their fields by name."""
    body = {"apiVersion": "v1", "kind": "Service", "metadata": dict(sorted(METADATA.items()))}
    assert head_of(json.dumps({"type": "ADDED", "object": body}, separators=(",", ":")).encode()) is None


def test_what_a_user_wrote_further_on_is_taken_for_nothing() -> None:
    forged = line().decode().split('"object":', 1)[1]
    own = line(annotations={"forged": forged}, resourceVersion="8")
    assert head_of(own) == Head(("team-a", "bot"), "1-2", 8)


@given(st.binary(max_size=200))
def test_whatever_comes_it_is_read_without_an_error(noise: bytes) -> None:
    assert head_of(noise) is None
    assert head_of(line()[:60] + noise) is None
