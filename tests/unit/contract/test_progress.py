"""How far a build is, from a log that a stranger may have written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.progress import newest_progress, progress_in, progress_line


@given(st.text(max_size=200))
def test_progress_is_plain_words_and_numbers(log: str) -> None:
    found = newest_progress(f"{progress_line(log)}\n{log}")
    assert all(character.islower() or character.isdigit() or character == " " for character in found)


def test_the_newest_progress_counts() -> None:
    log = "progress: resolving\nnoise\nprogress: installing 3 of 17\nprogress: <b>x\n"
    assert newest_progress(log) == "installing 3 of 17"


def test_a_line_of_progress_is_told_from_any_other() -> None:
    assert progress_in(progress_line("pushing 1 of 2")) == "pushing 1 of 2"
    assert progress_in("pip: progress: done") is None
