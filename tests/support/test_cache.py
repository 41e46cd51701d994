"""The tests' cache never hands out half of something, nor something that was made of other ingredients."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cache import cache_directory, digest, kept


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMASTACK_CACHE", str(tmp_path))


def write(text: str, made: list[str]):
    def make(folder: Path) -> None:
        made.append(text)
        (folder / "file").write_text(text)

    return make


def test_what_is_there_is_not_made_again():
    made: list[str] = []
    first, second = (kept("things", "one", ("a",), write("a", made)) for _ in range(2))

    assert first == second
    assert (made, (first / "file").read_text()) == (["a"], "a")


def test_other_ingredients_are_another_folder_in_whatever_order_they_come():
    made: list[str] = []
    folders = [kept("things", "one", ingredients, write(repr(ingredients), made)) for ingredients in (("a",), ("b",))]

    assert folders[0] != folders[1]
    assert [(folder / "file").read_text() for folder in folders] == made == ["('a',)", "('b',)"]


def test_two_ingredients_are_not_the_one_that_they_make_together():
    assert len({digest("a", "b"), digest("ab"), digest("b", "a"), digest("", "ab")}) == 4


def test_what_breaks_off_leaves_nothing_and_is_made_again():
    made: list[str] = []

    def break_off(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        kept("things", "one", ("a",), break_off)
    assert [path.name for path in cache_directory("things").iterdir()] == ["one.lock"]
    folder = kept("things", "one", ("a",), write("a", made))
    assert ([path.name for path in folder.iterdir()], made) == (["file"], ["a"])


def test_those_who_come_at_once_share_what_one_of_them_makes():
    made: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        folders = {*pool.map(lambda _: kept("things", "one", ("a",), write("a", made)), range(8))}

    assert (len(folders), made) == (1, ["a"])
