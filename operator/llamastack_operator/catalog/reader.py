"""Reads the catalog's data files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from llamastack_resolver.documents.signs import Outlines
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.releases import Release
from llamastack_resolver.releases import stand_in as closest_patch

DATA = Path(__file__).parent / "data"
History = Mapping[str, Mapping[str, tuple[Release, Release]]]


class UnsupportedReleaseError(LookupError):
    """The catalog has neither the release nor another patch of its minor."""


class Shared(Mapping[str, Any]):
    """Values by name, each in a file of its own that is read when the value is asked for."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = hashes

    def __getitem__(self, name: str) -> Any:
        return read_shared(self._hashes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


@cache
def read_shared(digest: str) -> Any:
    """Return the value that is stored under the hash of its content."""
    return json.loads((DATA / "shared" / f"{digest}.json").read_bytes())


@cache
def _index() -> dict[str, Any]:
    index: dict[str, Any] = json.loads((DATA / "index.json").read_bytes())
    return index


@cache
def releases() -> tuple[Release, ...]:
    """Return the releases of the catalog, oldest first."""
    return tuple(sorted(Release.parse(text) for text in _index()["releases"]))


@cache
def history() -> History:
    """Return the first and the last release that has a provider type, by API and type."""
    return {
        api: {name: (Release.parse(first), Release.parse(last)) for name, (first, last) in types.items()}
        for api, types in _index()["providers"].items()
    }


def stand_in(release: Release) -> Release | None:
    """Return the release whose data say what `release` ships: itself, or the patch of its minor that is closest below
    it, else above it; None where the catalog has no patch of its minor.

    This is the one rule on what is known, in the cluster and at the command line.
    """
    return closest_patch(release, releases())


@cache
def read_core(release: Release) -> dict[str, Any]:
    """Return a release's own data: what it does not share is there, what it shares is named by its hash."""
    core: dict[str, Any] = json.loads((DATA / "releases" / f"{release.package}-{release.version}.json").read_bytes())
    return core


@cache
def outlines() -> Outlines:
    """Return what tells the releases from each other."""
    return Outlines(json.loads((DATA / "outlines.json").read_bytes()))


@cache
def load_release(release: Release) -> ReleaseKnowledge:
    """Return what a release ships, as its stand-in has it.

    Raises:
        UnsupportedReleaseError: the catalog knows no patch of its minor.
    """
    found = stand_in(release)
    if found is None:
        names = ", ".join(str(r) for r in releases()[-3:])
        raise UnsupportedReleaseError(f"{release} is not in the catalog; the newest are {names}")
    core = read_core(found)
    core = {**core, **read_shared(core["protocols_part"])}

    def part(name: str) -> Any:
        return read_shared(core["constraints"]) if name == "constraints" else Shared(core[name])

    return ReleaseKnowledge.from_dict({**core, "distributions": sorted(core["distributions"])}, part)


def find_release(release: Release | None) -> ReleaseKnowledge | None:
    """Return what a release ships; None where no release is named, or nothing stands in for it."""
    return load_release(release) if release is not None and stand_in(release) is not None else None
