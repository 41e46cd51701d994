"""Termination messages stay within their bytes, and are read as strangers' words."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llamastack_installer
import llamastack_resolver
from llamastack_contract.limits import CONCERNED, MESSAGE_BYTES
from llamastack_contract.lock import NAME, NAME_LIMIT
from llamastack_contract.message import FailureMessage, PushMessage, one_line
from llamastack_contract.reasons import BUILD_REASONS
from llamastack_operator import images
from llamastack_operator.planning.build.reasons import FAILURES


@given(st.text(max_size=5000), st.text(max_size=2000), st.lists(st.text(max_size=1000), max_size=40))
def test_a_failure_stays_within_its_bytes_whatever_is_in_it(message: str, hint: str, tail: list[str]) -> None:
    text = FailureMessage("BuildFailed", message, hint, "install", tail=tuple(tail)).to_text()

    data = json.loads(text)
    assert len(text.encode()) <= MESSAGE_BYTES
    assert data["reason"] == "BuildFailed"
    assert all("\n" not in line for line in (data["message"], data["hint"], *data["tail"]))


@given(st.lists(st.one_of(st.text(max_size=200), st.from_regex(NAME, fullmatch=True))), st.text(max_size=900))
def test_names_that_a_failure_concerns_are_names_and_few_and_leave_it_within_its_bytes(
    names: list[str], message: str
) -> None:
    text = FailureMessage("ModuleNotFound", message, step="install", concerns=tuple(names)).to_text()

    assert len(text.encode()) <= MESSAGE_BYTES
    read = FailureMessage.parse(json.dumps({**json.loads(text), "concerns": names}))
    assert read is not None
    assert len(read.concerns) <= CONCERNED
    assert all(NAME.fullmatch(name) and len(name) <= NAME_LIMIT for name in read.concerns)
    written = FailureMessage.parse(text)
    assert written is not None
    assert written.concerns == read.concerns


@pytest.mark.parametrize("concerns", [None, "greeter", 7, {"a": 1}, [["a"]], ["a b", "--index-url", ""]])
def test_what_are_no_names_concerns_nothing(concerns: Any) -> None:
    failure = FailureMessage.parse(json.dumps({"reason": "BuildFailed", "concerns": concerns}))
    assert failure is not None
    assert failure.concerns == ()


@given(st.text(max_size=300), st.text(max_size=100))
def test_a_failure_that_fits_is_read_as_it_was_written(message: str, hint: str) -> None:
    failure = FailureMessage("DiskFull", one_line(message, 300), one_line(hint, 100), "push", True, ("a", "b"))
    assert FailureMessage.parse(failure.to_text()) == failure


@given(st.text(alphabet="abc:%42", min_size=1, max_size=20), st.text(alphabet="xyz", min_size=1, max_size=9))
def test_the_user_part_of_an_address_is_never_shown(secret: str, host: str) -> None:
    assert one_line(f"got https://{secret}@{host}/simple", 200) == f"got https://{host}/simple"


def test_control_characters_and_colours_are_not_shown() -> None:
    assert one_line("\x1b[31mred\x1b[0m\x07 \u202eback\r\nend", 100) == "red back end"


@pytest.mark.parametrize("reason", ["Ready", "Invented", "", None, 7, ["ModuleNotFound"]])
def test_a_reason_that_no_program_gives_is_none(reason: Any) -> None:
    assert FailureMessage.parse(json.dumps({"reason": reason, "message": "x"})) is None


def test_every_reason_of_a_program_is_one_that_a_build_can_fail_for() -> None:
    assert FAILURES.keys() >= BUILD_REASONS


def test_every_reason_is_given_by_a_program() -> None:
    """A reason that no program gives would be a promise that the list does not keep."""
    given = set()
    for package in (llamastack_installer, llamastack_resolver, images):
        for path in Path(package.__file__ or "").parent.rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            given |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert BUILD_REASONS - given == set()


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "[" * 5000, "{}", '{"base": 1, "platform": "x", "record": "y"}', '{"base": "a\\nb"}']
)
def test_what_is_no_message_of_a_finished_push_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PushMessage.parse(text)
