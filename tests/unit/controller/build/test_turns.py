"""Who is called when a place is free, and that a start with thousands of builds looks at each only a few times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.controller.build import turns as turns_module
from llamastack_operator.controller.build.turns import Turns
from llamastack_operator.kube.cache import Cache
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.objects.builds import BuildRecord, build_index
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.build.choose import Places, Waiting, choose
from tests.unit.controller.build.test_reconcile import named


class Scene:
    """Turns over a cache of builds; who is called is noted."""

    def __init__(self, *builds: BuildRecord, total: int = 2, namespace: int = 2) -> None:
        self.builds: Cache[BuildRecord] = Cache(build_index)
        self.called: deque[Key] = deque()
        self.turns = Turns(self.builds, Places(total, namespace), self.called.append)
        self.know(*builds)

    def know(self, *builds: BuildRecord) -> None:
        """Take builds for known, as an informer does."""
        for one in builds:
            self.builds.put(one)
            self.turns.changed(one.key)

    def becomes(self, key: Key, phase: str) -> None:
        known = self.builds.get(key)
        assert known is not None
        self.know(replace(known, version=known.version + 10**6, status=BuildStatus(phase=phase, attempts=1)))

    def goes(self, key: Key) -> None:
        """Remove a build as an informer or the keeper does."""
        self.builds.remove(key)
        self.turns.changed(key)

    def passes(self, key: Key, outcome: str = "Building") -> bool:
        """Run a pass as the reconciler does, which ends in a phase or in an error; tell whether the build may start."""
        build = self.builds.get(key)
        if build is None:
            self.turns.left(key)
            return False
        granted = build.phase != "Building" and self.turns.may_start(build)
        if granted and outcome not in ("error", "lost"):
            self.becomes(key, outcome)
        self.turns.tried(key, failed=outcome == "error")
        return granted

    def calls(self) -> list[str]:
        """Return who was called since the last time."""
        names = [key[1] for key in self.called]
        self.called.clear()
        return names


def waits(name: str, namespace: str = "team-a", **status: Any) -> BuildRecord:
    return replace(named(name, namespace, **status), created=f"2026-01-01T00:00:0{name[-1]}Z")


A1, A2, B3 = ("team-a", "a1"), ("team-a", "a2"), ("team-b", "b3")


def line() -> Scene:
    return Scene(waits("a1"), waits("a2"), waits("b3", "team-b"), total=1)


class TestTurn:
    def test_is_that_of_the_first_and_the_others_are_told_later(self) -> None:
        scene = line()
        assert not scene.passes(A2)
        assert scene.calls() == ["a1"]
        assert scene.passes(A1)
        assert not scene.passes(A2)
        assert scene.calls() == []

    @pytest.mark.parametrize("end", ["Succeeded", "Failed", "gone"])
    def test_comes_when_one_that_runs_ends_or_goes(self, end: str) -> None:
        scene = line()
        assert scene.passes(A1)
        assert scene.calls() == []
        scene.goes(A1) if end == "gone" else scene.becomes(A1, end)
        assert scene.calls() == ["b3"], "the other namespace had none yet"

    def test_is_another_ones_if_who_was_called_is_gone(self) -> None:
        scene = line()
        scene.passes(A2)
        assert scene.calls() == ["a1"]
        scene.goes(A1)
        assert not scene.passes(A1)
        assert scene.calls() == ["a2"]

    def test_is_not_that_of_a_build_on_its_way_out(self) -> None:
        scene = Scene(replace(waits("a1"), deleting=True), waits("a2"))
        assert scene.passes(A2)

    def test_of_a_further_try_is_asked_for_by_a_build_that_is_in_no_line(self) -> None:
        scene = Scene(waits("a1", phase="Failed", attempts=1))
        assert scene.passes(A1)

    def test_comes_to_none_at_the_list_of_builds_that_ended(self) -> None:
        scene = Scene(waits("a1"), *(waits(f"old-{number}", phase="Succeeded") for number in range(9)))
        assert scene.calls() == []


class TestStumbling:
    """A build that cannot start must not keep its place from all others."""

    @pytest.mark.parametrize("outcome", ["error", "lost", "Failed"])
    def test_gives_the_turn_to_the_next(self, outcome: str) -> None:
        scene = line()
        assert scene.passes(A1, outcome)
        assert scene.calls() == ["b3"]
        assert scene.passes(B3)

    def test_is_over_with_the_next_pass_of_its_own(self) -> None:
        scene = Scene(waits("a1"), waits("a2"), total=1)
        scene.passes(A1, "error")
        assert scene.calls() == ["a2"]
        assert scene.passes(A1), "its own next pass starts it, if a place is still free"

    def test_without_a_place_calls_nobody(self) -> None:
        scene = Scene(waits("a1"), waits("b3", "team-b", phase="Building"), total=1)
        assert not scene.passes(A1, "error")
        assert scene.calls() == []
        scene.goes(B3)
        assert scene.calls() == [], "it has a pass of its own, later"
        assert scene.passes(A1)


def test_a_place_is_contended_if_another_would_have_it() -> None:
    scene = Scene(waits("a1", phase="Building"), total=1)
    running = scene.builds.get(A1)
    assert running is not None
    assert not scene.turns.is_contended(running)
    scene.know(waits("b3", "team-b"))
    assert scene.turns.is_contended(running)


def test_a_place_is_not_contended_by_who_may_have_no_more() -> None:
    crowd = [waits(f"b{number}", "team-b", phase="Building") for number in (1, 2)]
    scene = Scene(waits("a1", phase="Building"), *crowd, waits("b3", "team-b"), total=3, namespace=2)
    running = scene.builds.get(A1)
    assert running is not None
    assert not scene.turns.is_contended(running)


@pytest.mark.parametrize("namespaces", [1, 50])
def test_a_start_with_thousands_of_builds_is_no_more_work_than_there_are_builds(
    namespaces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def counted(queue: Iterable[Waiting], *rest: Any) -> tuple[Key, ...]:
        nonlocal looked_at
        items = list(queue)
        looked_at += len(items)
        return choose(items, *rest)

    monkeypatch.setattr(turns_module, "choose", counted)
    ended = [named(f"old-{number}", f"n{number % namespaces}", phase="Succeeded") for number in range(2000)]
    queued = [named(f"new-{number}", f"n{number % namespaces}") for number in range(1000)]
    scene = Scene(total=4)
    scene.know(*queued, *ended)
    assert looked_at == 0, "a list alone asks for nothing"
    keys = deque(one.key for one in queued)
    while keys or scene.called:
        scene.passes(scene.called.popleft() if scene.called else keys.popleft())
    assert len(scene.turns._running) == (2 if namespaces == 1 else 4)
    assert looked_at <= 12 * len(queued)
