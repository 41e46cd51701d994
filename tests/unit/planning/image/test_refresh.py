"""When stacks look for newer versions: apart from each other, never twice for one interval, and never backwards."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.planning.image.refresh import Token, refresh_token

DAY = 86400
NOW = 20_000 * DAY + 1000.0
UIDS = [str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))) for number in range(1000)]


def token(held: str = "", now: float = NOW, uid: str = "", rebuild: str = "", interval: str | None = "24h") -> str:
    return str(refresh_token(rebuild, interval, uid, held, now)[0])


REQUESTS = st.text(max_size=8).filter(lambda text: not text.startswith("@"))
"""Requests of users: of one that begins with the token's own mark nothing is told apart, and nothing depends on it."""


class TestToken:
    @pytest.mark.parametrize(
        ("rebuild", "interval", "expected"),
        [
            ("", None, ""),
            ("x", None, "x"),
            ("", "24h", "24h/20000"),
            ("x", "24h", "x@24h/20000"),
            ("", "2d", "2d/10000"),
        ],
    )
    def test_is_written_as_ever(self, rebuild: str, interval: str | None, expected: str) -> None:
        """The key of a build holds it: written otherwise, an upgrade of the operator would build everything anew."""
        assert token(rebuild=rebuild, interval=interval) == expected

    @given(
        st.text(max_size=8).filter(lambda text: not text.startswith("@")),
        st.sampled_from(["", "1h", "24h", "99999d"]),
        st.integers(0, 10**6),
    )
    def test_is_read_as_it_was_written(self, rebuild: str, interval: str, count: int) -> None:
        text = str(Token(rebuild, interval, count if interval else 0))
        assert str(Token.parse(text)) == text

    def test_comes_with_the_time_of_the_next(self) -> None:
        assert refresh_token("", "24h", "", "", NOW)[1] == DAY - 1000
        assert refresh_token("x", None, "", "", NOW)[1] is None


class TestOffset:
    def test_spreads_a_thousand_stacks_over_their_interval(self) -> None:
        """Even at best ten of them look within the same hundredth of the day."""
        due = [refresh_token("", "24h", uid, "", NOW)[1] or 0.0 for uid in UIDS]
        assert all(0 < seconds <= DAY for seconds in due)
        assert max(Counter(int(seconds / DAY * 100) for seconds in due).values()) <= 25
        assert len({int(seconds) for seconds in due}) > 900

    def test_is_the_same_after_each_start(self) -> None:
        assert refresh_token("", "24h", UIDS[0], "", NOW) == refresh_token("", "24h", UIDS[0], "", NOW)

    def test_asks_once_in_each_interval(self) -> None:
        held, asked = token(uid=UIDS[0]), 0
        for hour in range(24 * 30 + 1):
            new = token(held, NOW + hour * 3600, UIDS[0])
            asked, held = asked + (new != held), new
        assert asked == 30


class TestForwards:
    @pytest.mark.parametrize("uid", UIDS[:20])
    def test_an_upgrade_asks_for_nothing(self, uid: str) -> None:
        """The operator before had no offset: all stacks hold the token of the day."""
        assert token("24h/20000", uid=uid) == "24h/20000"

    @pytest.mark.parametrize("uid", UIDS[:20])
    def test_after_an_upgrade_the_next_look_comes_within_two_intervals(self, uid: str) -> None:
        _, again = refresh_token("", "24h", uid, "24h/20000", NOW)
        assert again is not None
        assert 0 < again <= 2 * DAY
        assert token("24h/20000", NOW + again, uid) == "24h/20001"

    def test_a_clock_that_is_set_back_asks_for_nothing(self) -> None:
        for uid in UIDS[:50]:
            ahead = token(uid=uid, now=NOW + 40 * DAY)
            assert token(ahead, NOW, uid) == ahead

    def test_a_new_request_counts_whatever_was_held(self) -> None:
        assert token("24h/30000", rebuild="now") == "now@24h/20000"
        assert token("24h/30000", interval="12h") == "12h/40000"
        assert token("before@24h/30000") == "24h/20000"

    @pytest.mark.parametrize("held", ["", "x", "@", "24h/", "24h/-1", "24h/²", "/", "24h/20000/7", "5s/9"])
    def test_what_is_no_token_of_an_interval_counts_for_nothing(self, held: str) -> None:
        assert token(held) == "24h/20000"

    @given(st.sampled_from(UIDS), st.lists(st.floats(1e9, 4e9), min_size=1, max_size=20))
    def test_no_clock_makes_a_token_older(self, uid: str, times: list[float]) -> None:
        held, last = "", -1
        for now in times:
            found, again = refresh_token("", "7d", uid, held, now)
            assert found.count >= last
            assert again is not None
            assert again > 0
            held, last = str(found), found.count
