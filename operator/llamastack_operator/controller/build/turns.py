"""Whose turn it is among the builds that wait: `planning/build/choose.py`, asked only when a place may be free.

A start with thousands of builds asks it a few times, not once for each: while no place is free for a namespace, a build
of it learns that by counting those that run. Whoever is chosen has a pass at once, and nobody looks every few seconds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

from llamastack_operator.kube.cache import Cache
from llamastack_operator.objects.builds import BuildRecord, phase_entry
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.build.choose import Places, Waiting, choose, waiting


class Turns:
    """Knows who runs, who waits, and who had a turn last.

    Args:
        builds: the known builds.
        places: how many may run side by side.
        call: asks for a pass of a build whose turn it is.
    """

    def __init__(self, builds: Cache[BuildRecord], places: Places, call: Callable[[Key], None]) -> None:
        self._builds = builds
        self._places = places
        self._call = call
        self._running: set[Key] = set()
        self._called: set[Key] = set()
        self._stumbled: set[Key] = set()
        self._granted: Key | None = None
        self._served: dict[str, int] = {}
        self._serial = itertools.count()

    def may_start(self, build: BuildRecord) -> bool:
        """Tell whether it is the turn of a build; if a place is free and it is not, those are called whose turn it is.

        Until `tried` says what came of it, nobody else may be asked about.
        """
        self._called.discard(build.key)
        running = self._at_work(build.key)
        if not self._places.has_room(running, build.key[0]):
            return False
        chosen = self._chosen(running, build)
        if build.key in chosen:
            self._granted = build.key
            return True
        self._call_all(chosen)
        return False

    def tried(self, key: Key, failed: bool) -> None:
        """Take note of what came of a pass of a build that does not run.

        One that could not start is passed over until its own next pass: it must not keep a place from others.

        Args:
            key: the build.
            failed: whether its pass ended with an error.
        """
        granted, self._granted = self._granted == key, None
        known = self._builds.get(key)
        if failed or (granted and known is not None and known.phase == "Queued"):
            self._stumbled.add(key)
        else:
            self._stumbled.discard(key)
        if granted:
            self._served[key[0]] = next(self._serial)
            if known is None or known.phase != "Building":
                self._call_next()

    def left(self, key: Key) -> None:
        """Forget a build that is gone; if it was its turn, it is another's."""
        self._stumbled.discard(key)
        if key in self._called:
            self._called.discard(key)
            self._call_next()

    def changed(self, key: Key) -> None:
        """Take note of a build that was made, changed or went: one that works no more leaves its place."""
        known = self._builds.get(key)
        if known is not None and known.phase == "Building":
            self._running.add(key)
        elif key in self._running:
            self._running.discard(key)
            self._call_next()

    def is_contended(self, build: BuildRecord) -> bool:
        """Tell whether another build would have the place of one that runs."""
        return bool(self._chosen(self._at_work(build.key)))

    def _call_next(self) -> None:
        running = self._at_work()
        if running.total() < self._places.total:
            self._call_all(self._chosen(running))

    def _call_all(self, keys: tuple[Key, ...]) -> None:
        for key in keys:
            self._called.add(key)
            self._call(key)

    def _at_work(self, but: Key | None = None) -> Counter[str]:
        return Counter(build.key[0] for build in self._builds.of(phase_entry("Building")) if build.key != but)

    def _chosen(self, running: Counter[str], also: BuildRecord | None = None) -> tuple[Key, ...]:
        return choose(self._waiting(also), running, self._served, self._places)

    def _waiting(self, also: BuildRecord | None) -> Iterator[Waiting]:
        """Yield who waits, with one of which it is asked: that may be due for a further try, and not in line yet."""
        if also is not None:
            yield waiting(also)
        for build in self._builds.of(phase_entry("Queued")):
            if not build.deleting and build.key not in self._stumbled and (also is None or build.key != also.key):
                yield waiting(build)
