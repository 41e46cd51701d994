"""How often the same content is written to an object that somebody else changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.kube.brake import AT_ONCE, INTERVAL, Brake, Place

BOT: Place = ("Deployment", ("team-a", "bot"))


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_writes_may_follow_each_other_and_then_one_a_minute() -> None:
    clock = Clock()
    brake = Brake(clock)
    for left in range(AT_ONCE, 0, -1):
        assert brake.left(BOT, "a") == left
        brake.wrote(BOT, "a")
    assert brake.left(BOT, "a") < 1
    clock.now += INTERVAL
    assert 1 <= brake.left(BOT, "a") < 2


def test_other_content_and_other_objects_are_free() -> None:
    brake = Brake(Clock())
    for _ in range(AT_ONCE):
        brake.wrote(BOT, "a")
    assert brake.left(BOT, "b") == AT_ONCE
    assert brake.left(("Service", BOT[1]), "a") == AT_ONCE


def test_an_object_that_is_gone_is_forgotten() -> None:
    brake = Brake(Clock())
    brake.wrote(BOT, "a")
    brake.forget(BOT)
    assert brake.left(BOT, "a") == AT_ONCE


@given(st.lists(st.floats(0, 2 * INTERVAL), max_size=60))
def test_however_they_are_spread_there_are_no_more_in_any_time(pauses: list[float]) -> None:
    clock = Clock()
    brake = Brake(clock)
    wrote = []
    for pause in pauses:
        clock.now += pause
        if brake.left(BOT, "a") >= 1:
            brake.wrote(BOT, "a")
            wrote.append(clock.now)
    for first, begin in enumerate(wrote):
        for last, end in enumerate(wrote[first:], 1):
            assert last <= AT_ONCE + (end - begin) / INTERVAL + 1e-6


def test_objects_that_are_left_alone_take_no_memory_for_long() -> None:
    clock = Clock()
    brake = Brake(clock)
    for number in range(10_000):
        clock.now += 1
        brake.wrote(("Deployment", ("team-a", str(number))), "a")
    assert len(brake._objects) <= 2048
