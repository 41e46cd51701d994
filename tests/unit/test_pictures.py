"""The pictures of the documentation show modules that there are, and every box that an arrow touches says what it is.

Whether a renderer takes them is not looked at here: that would need a browser.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
OPERATOR = REPOSITORY / "operator"
LABEL = re.compile(r"""(\w+) ?(?:\[\("([^"]+)"\)\]|\["([^"]+)"\])""")
ARROW = re.compile(r'\s+--(?: "[^"]+" --)?>\s+')


def pictures(page: str) -> list[str]:
    return re.findall(r"^```mermaid\n(.*?)^```$", (REPOSITORY / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def labels(picture: str) -> dict[str, str]:
    """Return the text of each box and frame by its name."""
    return {name: database or text for name, database, text in LABEL.findall(picture)}


def touched(picture: str) -> set[str]:
    """Return the names of the boxes that arrows lead from or to."""
    lines = [ARROW.split(LABEL.sub(r"\1", line)) for line in picture.splitlines()]
    return {name.strip() for names in lines if len(names) > 1 for name in names}


ALL = [
    pytest.param(text, id=f"{page}-{number}")
    for page in ("README.md", "docs/architecture.md")
    for number, text in enumerate(pictures(page))
]


def test_there_are_a_pass_and_a_build_and_the_pass_is_on_the_first_screen() -> None:
    assert [picture.partition("\n")[0] for picture in pictures("docs/architecture.md")] == ["flowchart TB"] * 2
    assert "```mermaid" in (REPOSITORY / "README.md").read_text().splitlines()[:60]


@pytest.mark.parametrize("picture", ALL)
def test_every_box_says_what_it_is_and_is_connected(picture: str) -> None:
    frames = set(re.findall(r"subgraph (\w+)", picture))
    assert touched(picture)
    assert touched(picture) == labels(picture).keys() - frames


@pytest.mark.parametrize("picture", pictures("docs/architecture.md"), ids=["pass", "build"])
def test_every_module_that_a_picture_names_is_there(picture: str) -> None:
    named = re.findall(r"[\w/]+\.py", picture)
    assert len(named) > 5
    assert [
        name
        for name in named
        if not any((top / name).is_file() for top in (OPERATOR, OPERATOR / "llamastack_operator"))
    ] == []


def test_the_small_picture_of_a_pass_has_the_steps_of_the_large_one() -> None:
    large, _ = pictures("docs/architecture.md")
    (small,) = pictures("README.md")
    assert {"gather", "plan", "apply", "status"} <= labels(small).keys() & labels(large).keys()
