"""Puts tests into an order that a seed decides, so that one that leans on another is found.

A plugin would do it too, but would shuffle every run; here a run says so, and needs nothing more.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import groupby

import pytest

type _Placed = tuple[tuple[str, ...], pytest.Item]


def shuffled(items: Sequence[pytest.Item], seed: str) -> list[pytest.Item]:
    """Return the tests with files in another order, classes and functions within each, and tests within classes.

    What belongs together stays together, so that nothing that a file or a class shares is made twice.

    Args:
        items: tests, file by file.
        seed: the same seed puts the same tests into the same order.
    """
    return _shuffled([(_place(item), item) for item in items], random.Random(seed))  # noqa: S311


def _place(item: pytest.Item) -> tuple[str, ...]:
    """Return the file, the classes and the function of a test."""
    inside = [node.name for node in item.listchain() if isinstance(node, pytest.Class | pytest.Item)]
    return (item.location[0], *inside)


def _shuffled(items: Sequence[_Placed], chance: random.Random) -> list[pytest.Item]:
    groups = [[(place[1:], item) for place, item in group] for _, group in groupby(items, lambda placed: placed[0][0])]
    chance.shuffle(groups)
    found: list[pytest.Item] = []
    for group in groups:
        found += _shuffled(group, chance) if group[0][0] else [item for _, item in group]
    return found
