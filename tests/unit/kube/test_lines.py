"""Lines of a watch are the same however they arrive, and one that is too long costs nothing but itself."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.kube.lines import lines


def read(*chunks: bytes, longest: int = 100) -> list[bytes]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def main() -> list[bytes]:
        return [line async for line in lines(arriving(), longest)]

    return asyncio.run(main())


@given(st.lists(st.integers(0, 20), max_size=8))
def test_are_the_same_for_any_cut_into_pieces(cuts: list[int]) -> None:
    text = b"one\n\ntwo two\n3\ncut o"
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    assert read(*pieces) == [b"one", b"two two", b"3"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_one_that_is_too_long_is_passed_over_and_told(size: int, caplog: pytest.LogCaptureFixture) -> None:
    text = b"before\n" + b"x" * 101 + b"\n" + b"y" * 100 + b"\nafter\n"
    found = read(*(text[at : at + size] for at in range(0, len(text), size)))
    assert found == [b"before", b"y" * 100, b"after"]
    assert caplog.text.count("longer than 100 bytes") == 1
