"""Chooses which builds run next. Pure: who waits and who runs in; whose turn it is out.

Namespaces come first: whoever has the fewest builds at work, so that no tenant keeps another waiting. Among those that
have equally many, a user who waits for an edit comes before what the operator asks for by itself, and who had a turn
longest ago before who had one lately.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.child import Key


class Urgency(IntEnum):
    """How urgent a build is, the most urgent first."""

    EDIT = 0
    """Somebody changed a stack, or asked for newer versions."""
    RETRY = 1
    """The try before failed."""
    REFRESH = 2
    """The interval of a stack asks for newer versions."""
    RERUN = 3
    """A registry lost the image."""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A build that waits for a place; of one namespace the least comes first.

    Attributes:
        urgency: how urgent it is.
        created: its creation time (RFC 3339).
        key: its namespace and name.
    """

    urgency: Urgency
    created: str
    key: Key


@dataclass(frozen=True, slots=True)
class Places:
    """How many builds may run side by side.

    Attributes:
        total: in the whole cluster.
        namespace: of one namespace; never all places, where there is more than one.
    """

    total: int
    namespace: int

    @property
    def share(self) -> int:
        """The places that one namespace may have."""
        return max(1, min(self.namespace, self.total - 1))

    def has_room(self, running: Counter[str], namespace: str) -> bool:
        """Tell whether a build of a namespace may have a place, by how many builds of each run."""
        return running.total() < self.total and running[namespace] < self.share


def waiting(build: BuildRecord) -> Waiting:
    """Return what the turn of a build depends on."""
    return Waiting(_urgency(build), build.created, build.key)


def choose(
    queue: Iterable[Waiting], running: Counter[str], served: Mapping[str, int], places: Places
) -> tuple[Key, ...]:
    """Return the builds that may start now, the first first.

    Args:
        queue: the builds that wait.
        running: how many builds of each namespace run.
        served: for each namespace a number that is larger the later it last had a turn; none is longest ago.
        places: how many may run.
    """
    left = places.total - running.total()
    if left <= 0:
        return ()
    lines: dict[str, list[Waiting]] = defaultdict(list)
    for one in queue:
        if running[one.key[0]] < places.share:
            lines[one.key[0]].append(one)
    # No more of a namespace than it has room for are ever looked at; its line is from the last to the first.
    lines = {name: heapq.nsmallest(min(left, places.share - running[name]), line)[::-1] for name, line in lines.items()}
    chosen: list[Key] = []
    taken = Counter(running)
    while lines and len(chosen) < left:
        name = min(
            lines, key=lambda name: (taken[name], lines[name][-1].urgency, served.get(name, -1), lines[name][-1])
        )
        chosen.append(lines[name].pop().key)
        taken[name] += 1
        if not lines[name]:
            del lines[name]
    return tuple(chosen)


def _urgency(build: BuildRecord) -> Urgency:
    if build.rerun:
        return Urgency.RERUN
    if build.status.attempts:
        return Urgency.RETRY
    return Urgency.REFRESH if build.spec.cause == "Refresh" else Urgency.EDIT
