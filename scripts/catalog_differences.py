"""What two releases ship differently, by their data: what a new release brings is seen before its diff is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OWN = ("version", "constraints")
"""What differs from release to release and tells nothing."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what two releases ship differently, each as a path into their data files.

    Args:
        before: the data of a release, as its file in `releases/` has it.
        after: those of the next one.
    """
    parts = sorted({*before, *after} - {*_OWN})
    return [found for part in parts for found in _compared(part, before.get(part), after.get(part))]


def _compared(path: str, before: Any, after: Any) -> Iterator[str]:
    """Yield the deepest places that differ: what one of two lacks is named, and not all that is in it."""
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield path
        return
    for key in sorted({*before, *after}):
        if key not in after:
            yield f"{path}/{key} is gone"
        elif key not in before:
            yield f"{path}/{key} is new"
        else:
            yield from _compared(f"{path}/{key}", before[key], after[key])
