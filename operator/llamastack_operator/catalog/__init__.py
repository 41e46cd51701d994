"""What each release of Llama Stack ships, read from data files that `scripts/build-catalog` makes.

A release is one file; what releases share (a config class's schema, protocols, a bundled config) is stored
once, under the hash of its content. Only what is asked for is read: validating one config opens a handful of
small files.
"""

from __future__ import annotations

from llamastack_operator.catalog.reader import (
    History,
    UnsupportedReleaseError,
    find_release,
    history,
    load_release,
    outlines,
    releases,
    stand_in,
)

__all__ = [
    "History",
    "UnsupportedReleaseError",
    "find_release",
    "history",
    "load_release",
    "outlines",
    "releases",
    "stand_in",
]
