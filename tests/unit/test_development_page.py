"""`docs/development.md` names files and guards that there are, and the pictures show modules that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "development.md").read_text()
WORDS = ("layer", "base", "lock", "record", "key", "revision", "finding", "reading", "opaque")
RECIPES = (
    "Add a release",
    "Add a field to spec.server",
    "Add a condition",
    "Add a reason",
    "Add a failure of a build",
    "Add a migration hint",
    "Add a start command",
    "Add a subcommand",
    "Add a right of RBAC",
    "Add a test that needs a node",
)


def recipes() -> dict[str, str]:
    """Return the text of each recipe."""
    parts = re.split(r"^### (.+)$", PAGE.partition("## Words")[0], flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def files(recipe: str) -> list[str]:
    """Return the files that a recipe touches: the first cells of its table."""
    return re.findall(r"^\| `([^`]+)` \|", recipes()[recipe], flags=re.MULTILINE)


def guards(recipe: str) -> list[str]:
    """Return the tests that guard what a recipe lists."""
    return re.findall(r"^- `([^`]+)`:", recipes()[recipe].partition("Guards:")[2], flags=re.MULTILINE)


def test_there_is_a_recipe_for_each_change_that_comes_often() -> None:
    assert tuple(recipes()) == RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_files_that_there_are(recipe: str) -> None:
    assert files(recipe)
    assert [name for name in files(recipe) if not (REPOSITORY / name).is_file()] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_guarded_by_tests_that_there_are(recipe: str) -> None:
    assert guards(recipe)
    assert [name for name in guards(recipe) if not (REPOSITORY / name).is_file()] == []
    assert all(name.startswith("tests/") for name in guards(recipe))


def test_what_a_recipe_mentions_beside_its_list_is_there() -> None:
    rooms = ("operator/", "tests/", "docs/", "charts/", "crds/", "examples/", "scripts/")
    mentioned = {name for name in re.findall(r"`([a-z_./-]+/[\w./-]+)`", PAGE) if name.startswith(rooms)}
    assert [name for name in sorted(mentioned) if not (REPOSITORY / name).exists()] == []


def test_the_words_that_mean_something_special_here_are_told() -> None:
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", PAGE.partition("## Words")[2], flags=re.MULTILINE)
    assert tuple(word for word, _ in rows if word != "word") == WORDS
