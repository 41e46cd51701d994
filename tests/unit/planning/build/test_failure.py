"""What a container says of its failure is told, with bounds, and never believed beyond that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.llamastackbuild import BuildFailure
from llamastack_operator.planning.build.failure import Failure, failure_of
from tests.support.build_attempts import build, ended, job_of, pod_of

OWNER = build(phase="Building", attempts=1)
JOB = job_of(OWNER, ended=("Failed", "BackoffLimitExceeded"))


def told(message: str, step: str = "install", code: int = 1, reason: str = "Error") -> Failure:
    return failure_of(JOB, pod_of(OWNER, JOB, "Failed", **{step: ended(code, message, reason)}))


def test_a_programs_own_words_are_passed_on() -> None:
    failure = told(json.dumps({"reason": "ModuleNotFound", "message": "no such thing", "hint": "look", "tail": ["a"]}))
    assert failure == Failure(failure.reason, "no such thing", False, "install", "look", ("a",))
    assert failure.reason == "ModuleNotFound"


def test_what_a_failure_concerns_is_kept_for_the_status_of_the_build() -> None:
    failure = told(json.dumps({"reason": "ModuleNotFound", "message": "x", "concerns": ["greeter", "a b"]}))
    assert failure.recorded().to_wire()["concerns"] == ["greeter"]


def test_a_call_of_pip_that_took_too_long_is_told_as_such() -> None:
    assert told(json.dumps({"reason": "TimedOut", "message": "pip did not come to an end"})).reason == "TimedOut"


@pytest.mark.parametrize("reason", ["Ready", "Invented", "", None, 7, ["ModuleNotFound"]])
def test_a_reason_that_no_program_gives_is_a_failed_build(reason: Any) -> None:
    failure = told(json.dumps({"reason": reason, "message": "x"}))
    assert failure.reason == "BuildFailed"


def test_tenants_code_cannot_claim_that_somebody_tampered() -> None:
    assert told(json.dumps({"reason": "Tampered", "message": "x"})).reason == "BuildFailed"
    assert told(json.dumps({"reason": "Tampered", "message": "x"}), step="push").reason == "Tampered"


def test_a_base_without_python_is_named_as_that() -> None:
    assert told("exec: python3: not found", code=128, reason="StartError").reason == "UnsupportedBase"


def test_a_process_that_was_killed_is_tried_again() -> None:
    assert told("", code=137).retry
    assert not told("", code=1).retry


def test_the_last_lines_of_a_crash_are_kept() -> None:
    failure = told("Traceback\n\nValueError: x\n")
    assert (failure.reason, failure.tail) == ("BuildFailed", ("Traceback", "ValueError: x"))


def test_what_moves_a_terminals_cursor_is_left_out() -> None:
    assert "\x1b" not in "".join(told("\x1b[2J\x1b[1;1Hall is well\n").tail)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=8,
)
WORDS = st.fixed_dictionaries(
    {"reason": st.sampled_from(["ModuleNotFound", "DiskFull"]) | ANY},
    optional={"message": ANY, "hint": ANY, "tail": ANY, "retry": ANY, "step": ANY, "concerns": ANY},
)


@given(WORDS.map(json.dumps) | st.text() | st.just("[" * 5000) | st.just(json.dumps({"reason": "DiskFull"}) + " " * 99))
def test_no_words_break_the_status(message: str) -> None:
    wire = told(message).recorded().to_wire()
    BuildFailure.model_validate(wire)
    assert len(json.dumps(wire, ensure_ascii=False)) < 12_000
