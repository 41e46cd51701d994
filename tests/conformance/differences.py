"""The table of docs/differences.md: where our verdict is another one than the release's, and why.

It is held in both directions: a difference that no row has is a failure, and so is a row that a change no longer
shows on one of its releases.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llamastack_resolver.findings import Finding, Severity
from llamastack_resolver.releases import Release

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
NOTHING = "nothing"
_ROW = re.compile(r"^\| `(?P<change>[^`]+)` \| (?P<said>\w+) \| (?P<releases>[^|]+) \| (?P<reason>[^|]+) \|$")


@dataclass(frozen=True, order=True)
class Difference:
    """What we say of a change, where the release does otherwise.

    Attributes:
        change: what was changed in a config that starts.
        said: the reason of an error of ours, with which the release starts; `nothing` where the release refuses.
    """

    change: str
    said: str


@dataclass(frozen=True)
class Row:
    """A row of the table: a change, what we say, the first release of which it is true and the first of which it is no
    more, if there are such, and why."""

    change: str
    said: str
    since: str
    before: str
    reason: str

    def is_about(self, release: Release) -> bool:
        return (not self.since or release.since(self.since)) and not (self.before and release.since(self.before))

    def has(self, one: Difference) -> bool:
        return (one.change, one.said) == (self.change, self.said)


@cache
def rows() -> tuple[Row, ...]:
    """Read the table; releases are `all`, or those since one, or before one."""
    found = []
    for match in filter(None, map(_ROW.match, PAGE.read_text("utf-8").splitlines())):
        word, _, release = match["releases"].strip().partition(" ")
        bounds = (release if word == "since" else "", release if word == "before" else "")
        found.append(Row(match["change"], match["said"], *bounds, match["reason"]))
    return tuple(found)


def differences(change: str, findings: Iterable[Finding], refusal: str | None) -> set[Difference]:
    """Return where findings differ from what the release says.

    Args:
        change: what was changed.
        findings: ours.
        refusal: what the release says where it does not start; None where it does.
    """
    errors = {str(one.reason) for one in findings if one.severity is Severity.ERROR}
    if refusal is None:
        return {Difference(change, reason) for reason in errors}
    return set() if errors else {Difference(change, NOTHING)}


def untold(release: Release, found: Mapping[Difference, str], changes: Iterable[str]) -> list[str]:
    """Return what contradicts the table.

    Args:
        release: the release that was asked.
        found: an example of each difference.
        changes: every change that was tried.
    """
    own = [row for row in rows() if row.is_about(release)]
    tried = set(changes)
    new = [
        f"not in {PAGE.name}: `{one.change}` {one.said}: {example}"
        for one, example in sorted(found.items())
        if not any(row.has(one) for row in own)
    ]
    gone = [
        f"no longer so: `{row.change}` {row.said}"
        for row in own
        if row.change in tried and not any(map(row.has, found))
    ]
    return new + gone
