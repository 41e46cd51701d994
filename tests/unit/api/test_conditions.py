"""The setter and the readers of conditions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.api.conditions import (
    MESSAGE_LIMIT,
    Condition,
    ConditionType,
    Verdict,
    condition_of,
    cut,
    is_true,
    no,
    set_conditions,
    yes,
)
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.planning.stack.reasons import StackReason


class TestCut:
    def test_leaves_a_message_that_fits(self) -> None:
        assert cut("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT

    def test_says_that_something_is_missing(self) -> None:
        short = cut("word " * MESSAGE_LIMIT)
        assert short.endswith("word …")
        assert len(short) <= MESSAGE_LIMIT


READY, STALLED = ConditionType.READY, ConditionType.STALLED
NOW, EARLIER = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
ANSWERS = {"True": yes(StackReason.READY, "it is"), "False": no(StackReason.PROGRESSING, "it is not")}
ANSWERS["Unknown"] = Verdict("Unknown", StackReason.NOT_DETERMINED, "nobody can tell")


def having(verdict: Verdict, generation: int = 1, now: str = EARLIER) -> dict[str, Any]:
    """Return a status with this answer as Ready."""
    return {"conditions": set_conditions({}, {READY: verdict}, generation, now)}


class TestSetting:
    @pytest.mark.parametrize("answer", ANSWERS)
    def test_writes_a_condition_of_the_api_for_each_of_the_three_answers(self, answer: str) -> None:
        (condition,) = having(ANSWERS[answer], generation=7, now=NOW)["conditions"]
        assert Condition.model_validate(condition).to_wire() == condition
        assert (condition["type"], condition["status"], condition["observedGeneration"]) == ("Ready", answer, 7)
        assert (condition["reason"], condition["lastTransitionTime"]) == (ANSWERS[answer].reason, NOW)

    @pytest.mark.parametrize("before", ANSWERS)
    @pytest.mark.parametrize("after", ANSWERS)
    def test_gives_a_new_time_to_a_new_status_alone(self, before: str, after: str) -> None:
        verdict = replace(ANSWERS[after], reason=StackReason.SETTLED, message="other words")
        (condition,) = set_conditions(having(ANSWERS[before]), {READY: verdict}, 2, NOW)
        assert condition["lastTransitionTime"] == (EARLIER if before == after else NOW)
        assert (condition["reason"], condition["message"]) == ("Settled", "other words")

    def test_gives_a_condition_that_was_not_there_the_time_of_the_look(self) -> None:
        answers = {READY: ANSWERS["True"], STALLED: ANSWERS["False"]}
        times = {
            entry["type"]: entry["lastTransitionTime"]
            for entry in set_conditions(having(ANSWERS["True"]), answers, 1, NOW)
        }
        assert times == {"Ready": EARLIER, "Stalled": NOW}

    def test_keeps_the_order_of_the_answers(self) -> None:
        listed = set_conditions({}, {STALLED: ANSWERS["True"], READY: ANSWERS["True"]}, 1, NOW)
        assert [entry["type"] for entry in listed] == ["Stalled", "Ready"]

    def test_cuts_a_message_that_is_too_long(self) -> None:
        (condition,) = having(no(ApplyReason.REJECTED, "x" * 9000))["conditions"]
        assert len(condition["message"]) <= MESSAGE_LIMIT


class TestReading:
    @pytest.mark.parametrize(("answer", "expected"), [("True", True), ("False", False), ("Unknown", False)])
    def test_takes_true_alone_for_true(self, answer: str, expected: bool) -> None:
        assert is_true(having(ANSWERS[answer]), READY) is expected

    @pytest.mark.parametrize("status", [{}, {"conditions": None}, {"conditions": []}, having(ANSWERS["True"])])
    def test_takes_a_condition_that_is_not_there_for_untrue(self, status: dict[str, Any]) -> None:
        assert not is_true(status, STALLED)
        assert condition_of(status, STALLED) is None

    def test_finds_a_condition_by_its_type(self) -> None:
        found = condition_of(having(ANSWERS["True"]), READY)
        assert found is not None
        assert found["message"] == "it is"
