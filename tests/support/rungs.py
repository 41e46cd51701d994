"""The rungs of testing: each test is on one, by its folder and by whether it needs a node.

Whoever changes something climbs as far as the change calls for; a rung also says how long one of its tests may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
_BED = ("chart", "cluster", "e2e", "faults", "scale", "shells")
"""Folders whose tests need what the test bed installs."""
NODE = "node"
"""The marker of tests that need a node, or what else makes one: root and a Debian system."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Tests that need the same.

    Attributes:
        name: what `make test-NAME` calls it.
        folders: folders of `tests/`.
        limit: seconds that one test may take, with all that is made for it on a machine that has none of it.
        node: whether its tests have the marker `NODE`; None for folders where no test has.
    """

    name: str
    folders: tuple[str, ...]
    limit: int
    node: bool | None = None


RUNGS = {
    rung.name: rung
    for rung in (
        Rung("unit", ("unit", "cases", "golden", "support"), 180),
        Rung("conformance", ("conformance",), 600),
        Rung("images", ("images", "installer"), 900),
        Rung("api", _BED, 600, node=False),
        Rung("node", _BED, 1800, node=True),
    )
}


def rung_of(folder: str, node: bool) -> Rung:
    """Return the rung of a test.

    Args:
        folder: folder of `tests/` that it is in.
        node: whether it has the marker `NODE`.

    Raises:
        LookupError: it is on none.
    """
    for rung in RUNGS.values():
        if folder in rung.folders and node is bool(rung.node):
            return rung
    raise LookupError(f"no rung has tests of tests/{folder} that need {'a' if node else 'no'} node")


def rung_of_item(item: pytest.Item) -> Rung | None:
    """Return the rung of a collected test; none for a test outside of `tests/`."""
    if not item.path.is_relative_to(TESTS):
        return None
    return rung_of(item.path.relative_to(TESTS).parts[0], item.get_closest_marker(NODE) is not None)


def arguments(rungs: Sequence[Rung]) -> list[str]:
    """Return pytest's arguments for the tests of some rungs.

    Raises:
        ValueError: no marker tells the tests of these rungs from others in their folders.
    """
    folders = [f"tests/{folder}" for folder in dict.fromkeys(folder for rung in rungs for folder in rung.folders)]
    nodes = {rung.node for rung in rungs}
    if {True, False} <= nodes or nodes == {None}:
        return folders
    if True not in nodes:
        return [*folders, "-m", f"not {NODE}"]
    if nodes == {True}:
        return [*folders, "-m", NODE]
    raise ValueError(f"run {', '.join(rung.name for rung in rungs)} one after another")
