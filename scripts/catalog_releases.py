"""Which releases the catalog is to have: each that the package index has, but for those that are passed over.

A release that is passed over has a reason, here or by its kind: nothing is left out in silence.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llamastack_resolver.releases import PACKAGES, VERSION_PATTERN, Release, number_of

FIRST = Release.parse("0.2.16")
PASSED_OVER = {
    Release.parse("ogx-0.1.0"): "it holds the name: a package with an empty main.py, and no server",
    Release.parse(
        "ogx-0.7.1"
    ): "it is llama-stack 0.7.1 below the new name, and its command `llama` stops at once: it asks "
    "for the version of an installed llama-stack",
}
"""What is no release that can be run, though the package index has it, and why."""


@dataclass(frozen=True)
class Published:
    """What the package index has.

    Attributes:
        releases: those for the catalog, oldest first.
        passed_over: the others, as they are called on the index (`ogx==0.1.0`), each with the reason.
    """

    releases: tuple[Release, ...]
    passed_over: Mapping[str, str]

    def missing(self, known: Iterable[Release]) -> tuple[Release, ...]:
        """Return the releases that are not among the known ones, oldest first."""
        there = frozenset(known)
        return tuple(release for release in self.releases if release not in there)

    def reasons(self) -> list[str]:
        """Return a line for each reason to pass over versions, with their names, or the span of many of them."""
        names: dict[str, list[str]] = {}
        for name, reason in self.passed_over.items():
            names.setdefault(reason, []).append(name)
        return [f"{_listed(which)}: {reason}" for reason, which in names.items()]


def sort_out(versions: Mapping[str, Iterable[str]]) -> Published:
    """Return which versions of the packages are for the catalog, and why the others are not.

    Args:
        versions: what the index has, by package, newest first.
    """
    pairs = [(package, version) for package, found in versions.items() for version in found]
    reasons = {(package, version): why_not(package, version) for package, version in pairs}
    return Published(
        tuple(sorted(Release(*pair) for pair, reason in reasons.items() if not reason)),
        {f"{package}=={version}": reason for (package, version), reason in reasons.items() if reason},
    )


def why_not(package: str, version: str) -> str:
    """Return why a version is passed over; an empty text where it is for the catalog."""
    if package == FIRST.package and number_of(version) < FIRST.number:
        return f"it is older than {FIRST}, the first that knows `module:`"
    if not re.fullmatch(VERSION_PATTERN, version):
        return "its version is no X.Y.Z, so no manifest can name it"
    if not re.fullmatch(r"[\d.]+", version):
        return "it leads to a release, and is none"
    return PASSED_OVER.get(Release(package, version), "")


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 4 else f"{names[-1]} to {names[0]}, {len(names)} versions"


def published() -> Published:
    """Ask the package index, as pip is configured, for what there is of both packages.

    Raises:
        SystemExit: pip cannot say; what it printed is shown already.
    """
    return sort_out({package: _versions(package) for package in PACKAGES})


def _versions(package: str) -> list[str]:
    # Whatever Python a release asks for: one that this Python cannot install has to fail loudly, not to be unseen.
    command = [sys.executable, "-m", "pip", "index", "versions", package, "--json", "--ignore-requires-python"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip cannot say which versions of {package} there are")
    found: list[str] = json.loads(done.stdout)["versions"]
    return found
