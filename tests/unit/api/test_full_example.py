"""The example with every field has every field, and is right."""

from __future__ import annotations

import pytest

from llamastack_operator.cli import main
from tests.support.full_example import PATH, SPEC, leaves, stacks, values, written


def test_every_field_of_a_spec_is_in_the_example() -> None:
    shown = {written(place, numbers=False) for body in stacks().values() for place, _, _ in values(SPEC, body["spec"])}
    assert sorted(set(leaves(SPEC)) - shown) == []


def test_nothing_is_wrong_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Which fields exclude each other only the API server knows: `tests/e2e/test_admission.py` asks it."""
    assert main(["validate", str(PATH)]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
