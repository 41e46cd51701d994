"""docs/conditions.md: in step with the code, and no reason without its meaning."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from llamastack_contract.reasons import BUILD_REASONS
from llamastack_operator.api import reasons_page
from llamastack_operator.api.conditions import CONDITION_MEANINGS, REASON_MEANINGS, ConditionType, Reason

ROOT = Path(__file__).parents[3]
OPERATOR = ROOT / "operator" / "llamastack_operator"


def test_the_committed_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons_page.main([str(ROOT / "docs"), "--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons_page.main([str(tmp_path), "--check"]) == 1
    assert "conditions.md is stale" in capsys.readouterr().err
    assert reasons_page.main([str(tmp_path)]) == 0
    assert reasons_page.main([str(tmp_path), "--check"]) == 0


def test_every_condition_and_every_reason_has_a_meaning_and_a_row() -> None:
    assert set(CONDITION_MEANINGS) == set(ConditionType)
    assert set(REASON_MEANINGS) == set(Reason)
    rows = [line for line in reasons_page.conditions_text().splitlines() if line.startswith("| `")]
    for word, meaning in [*CONDITION_MEANINGS.items(), *REASON_MEANINGS.items()]:
        assert f"| `{word}` | {meaning} |" in rows


def test_every_reason_is_used() -> None:
    """A reason that the operator never gives would be a promise that it does not keep."""
    # What a program of a build can say is passed on as it is.
    used = {reason.name for reason in Reason if reason.value in BUILD_REASONS}
    for path in OPERATOR.rglob("*.py"):
        if path.name == "conditions.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
                used.add(node.attr)
    assert {reason.name for reason in Reason} - used == set()


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_one_word_in_camel_case(reason: Reason) -> None:
    assert reason.value.isalpha()
    assert reason.value == "".join(part.capitalize() for part in reason.name.split("_"))
