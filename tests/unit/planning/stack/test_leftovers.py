"""How long a new stack waits for what an earlier one of its name left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llamastack_operator.planning.stack.leftovers import PATIENCE, may_wait
from llamastack_operator.planning.stack.stack import stack_from
from tests.support.world import llamastack

CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)


def body(created: str | None = "2026-01-01T12:00:00Z") -> dict[str, object]:
    whole = llamastack()
    whole["metadata"]["creationTimestamp"] = created
    return whole


@pytest.mark.parametrize(
    ("age", "waits"),
    [
        (timedelta(seconds=-5), True),
        (timedelta(), True),
        (PATIENCE - timedelta(seconds=1), True),
        (PATIENCE, False),
        (timedelta(days=9), False),
    ],
)
def test_a_stack_waits_in_its_first_minute(age: timedelta, waits: bool) -> None:
    """A clock of the operator that is a little behind that of the API server makes no difference."""
    assert may_wait(stack_from(body()), CREATED + age) is waits


def test_a_stack_of_unknown_age_does_not_wait() -> None:
    assert not may_wait(stack_from(body(None)), CREATED)
    assert not may_wait(replace(stack_from(body()), created=""), CREATED)
