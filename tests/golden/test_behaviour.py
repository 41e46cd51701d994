"""What each release of the catalog does in its own way: since which release each answer of `Behaviour` holds.

`UPDATE_GOLDEN=1 pytest tests/golden` accepts the changes; the diff is for the reviewer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llamastack_operator import catalog
from llamastack_resolver.behaviour import NEWEST, Behaviour
from tests.golden.files import check, dump


def test_each_rule_holds_for_just_these_releases() -> None:
    table = {name: dict(answers(name)) for name in Behaviour._fields}
    table["releases"] = " ".join(str(release) for release in catalog.releases())
    check(Path(__file__).with_name("behaviour.yaml"), dump(table))


def test_the_newest_release_of_the_catalog_was_reviewed() -> None:
    assert catalog.releases()[-1] == NEWEST


def answers(question: str) -> list[tuple[str, Any]]:
    """Return the releases of the catalog at which the answer becomes another one, with that answer."""
    found: list[tuple[str, Any]] = []
    for release in catalog.releases():
        answer = getattr(Behaviour.of(release), question)
        answer = " ".join(answer) if isinstance(answer, tuple) else answer
        if not found or found[-1][1] != answer:
            found.append((str(release), answer))
    return found
