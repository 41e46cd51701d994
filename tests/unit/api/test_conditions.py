"""The setter and the readers of conditions."""

from __future__ import annotations

from llamastack_operator.api.conditions import MESSAGE_LIMIT, cut


class TestCut:
    def test_leaves_a_message_that_fits(self) -> None:
        assert cut("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT

    def test_says_that_something_is_missing(self) -> None:
        short = cut("word " * MESSAGE_LIMIT)
        assert short.endswith("word …")
        assert len(short) <= MESSAGE_LIMIT
