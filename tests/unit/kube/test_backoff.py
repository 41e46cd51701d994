"""How long is waited before a watch is opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from llamastack_operator.kube import backoff as module
from llamastack_operator.kube.backoff import MAX_ASKED, MAX_BACKOFF, Backoff


def delays(*ends: Callable[[Backoff], float]) -> list[float]:
    async def main() -> list[float]:
        backoff = Backoff()
        found = []
        for end in ends:
            backoff.begin()
            found.append(end(backoff))
        return found

    return asyncio.run(main())


def closed(backoff: Backoff) -> float:
    return backoff.delay(failed=False)


def broken(backoff: Backoff) -> float:
    return backoff.delay(failed=True)


def gone(backoff: Backoff) -> float:
    return backoff.delay(failed=True, patient=False)


def test_a_watch_that_lived_long_and_was_closed_is_opened_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BRIEF", 0.0)
    assert delays(closed, closed) == [0.0, 0.0]


def test_the_failures_before_a_long_life_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BRIEF", 0.0)
    assert all(0.5 <= delay <= 1.0 for delay in delays(broken, broken, broken))


@pytest.mark.parametrize("end", [closed, broken])
def test_after_a_short_life_is_waited_longer_each_time_up_to_a_bound(end: Callable[[Backoff], float]) -> None:
    found = delays(*[end] * 9)
    assert all(min(30, 2**number) / 4 <= delay <= min(30, 2**number) / 2 for number, delay in enumerate(found, start=1))
    assert max(found) <= MAX_BACKOFF


def test_a_version_that_is_too_old_is_no_reason_to_wait_unless_it_is_so_again() -> None:
    first, second = delays(gone, gone)
    assert first == 0.0
    assert second > 0.0


def test_what_could_not_be_opened_at_all_counts_as_a_short_life() -> None:
    async def main() -> float:
        return Backoff().delay(failed=False)

    assert asyncio.run(main()) > 0.0


def test_the_server_may_ask_for_more_but_not_for_a_day() -> None:
    def asked(seconds: float) -> float:
        return delays(lambda backoff: backoff.delay(failed=True, asked=seconds))[0]

    assert (asked(60.0), asked(86_400.0)) == (60.0, MAX_ASKED)
    assert asked(0.001) >= 0.5
