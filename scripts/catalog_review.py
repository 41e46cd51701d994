"""What people have to look at when the catalog has new releases: `python -m scripts.catalog_review`.

The data say what a release ships. What it does in its own way, no program finds: this one says where to look.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "operator")]

from llamastack_operator import catalog  # noqa: E402
from llamastack_resolver.behaviour import NEWEST  # noqa: E402
from llamastack_resolver.releases import Release  # noqa: E402
from tests.conformance.releases import ALL  # noqa: E402

TESTS = ("tests/unit/catalog", "tests/unit/resolver", "tests/golden", "tests/cases")


def left(known: Sequence[Release], reviewed: Release, conformance: Sequence[Release]) -> list[str]:
    """Return what is left to do by people.

    Args:
        known: the releases of the catalog, oldest first.
        reviewed: the newest one whose rules were reviewed.
        conformance: those that the conformance tests install.
    """
    found = []
    news = [release for release in known if release > reviewed]
    if news:
        names = ", ".join(map(str, news))
        found.append(
            f"what {names} do in their own way: docs/resolver.md, `A new release`; then NEWEST in behaviour.py"
        )
    if known[-1] not in conformance:
        newest = known[-1]
        found.append(
            f"what the providers of {newest} lack: name it in `ALL` of tests/conformance/releases.py, run `python -m "
            f"tests.pins {newest}` and `make test-conformance`; LOOKED_AT and deviations.py are what that finds"
        )
    return found


def main() -> int:
    """Print what is left."""
    releases = catalog.releases()
    lines = left(releases, NEWEST, [Release.parse(name) for name in ALL])
    print(f"the catalog has {len(releases)} releases, {releases[0]} to {releases[-1]}; left to review:")
    lines.append(
        f"what became of what is gone: run pytest {' '.join(TESTS)}; the diff of golden files is yours to read"
    )
    print("\n".join(f"- {line}" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
