"""docs/conditions.md and docs/reasons.md: in step with the code, and nothing without its meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamastack_operator.api import reasons_page
from llamastack_operator.api.conditions import CONDITION_MEANINGS, ConditionType
from llamastack_resolver.findings import Reason

ROOT = Path(__file__).parents[3]


def test_the_committed_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons_page.main([str(ROOT / "docs"), "--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", [reasons_page.CONDITIONS, reasons_page.REASONS])
def test_a_stale_page_is_told(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons_page.main([str(tmp_path)]) == 0
    (tmp_path / page).write_text("old")
    assert reasons_page.main([str(tmp_path), "--check"]) == 1
    assert f"{page} is stale" in capsys.readouterr().err
    assert reasons_page.main([str(tmp_path)]) == 0
    assert reasons_page.main([str(tmp_path), "--check"]) == 0


def test_every_condition_has_a_meaning_and_a_row() -> None:
    assert set(CONDITION_MEANINGS) == set(ConditionType)
    rows = [line for line in reasons_page.conditions_text().splitlines() if line.startswith("| `")]
    for word, meaning in CONDITION_MEANINGS.items():
        assert f"| `{word}` | {meaning} |" in rows


@pytest.mark.parametrize("reason", reasons_page.declared_reasons())
def test_every_reason_has_a_section_with_all_that_was_declared(reason: Reason) -> None:
    told = reason.declaration
    section = reasons_page.reasons_text().partition(f"\n## {reason}\n")[2].partition("\n## ")[0]
    assert told.meaning in section
    assert f"What to do: {told.cure or 'nothing.'}" in section
    assert told.example in section
    assert all(place.value in section for place in told.shows)
    assert ("Severity: " in section) == bool(told.severities)
    assert all(severity.value in section for severity in told.severities)
