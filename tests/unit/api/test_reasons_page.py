"""docs/conditions.md and docs/reasons.md: in step with the code, and nothing without its meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamastack_operator.api import reasons_page
from llamastack_operator.api.conditions import CONDITION_MEANINGS, ConditionType
from llamastack_operator.planning.build.reasons import BuildReason
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_resolver.findings import Place, Reason
from llamastack_resolver.providers.reasons import ProviderReason

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
    assert all(place.value in section for place in told.places)
    assert ("Severity: " in section) == bool(told.severities)
    assert all(severity.value in section for severity in told.severities)


def row(reason: Reason) -> str:
    """Return the row of the table that tells what a reason sets; empty where it has none."""
    lines = reasons_page.reasons_text().splitlines()
    return next((line for line in lines if line.startswith(f"| [`{reason}`]")), "")


@pytest.mark.parametrize("reason", reasons_page.declared_reasons())
def test_a_reason_that_stands_in_conditions_has_a_row_and_no_other(reason: Reason) -> None:
    told = reason.declaration
    assert bool(row(reason)) == bool(told.answers)
    assert row(reason).endswith(" passing |") == told.passing
    assert ("Stalled |" in row(reason)) == (Place.STALLED.true in told.answers)


def test_a_row_has_all_that_a_condition_can_say_with_a_reason() -> None:
    sets = "`Ready=False`, `ProvidersResolved=False/Unknown`"
    assert row(ProviderReason.UNKNOWN_API) == f"| [`UnknownApi`](#unknownapi) | {sets} | Stalled |"
    assert row(StackReason.SETTLED).endswith("| `Reconciling=False`, `Stalled=False` |  |")
    assert row(BuildReason.EVICTED).endswith("| `Ready=False`, `ImageReady=False` | passing or Stalled |")
