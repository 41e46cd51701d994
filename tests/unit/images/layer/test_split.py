"""What a module depends on is told from the module by the lists of files that packages bring."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.images.layer import split
from llamastack_operator.images.layer.split import dependency_files

PACKAGES = "lib/python3.13/site-packages"


def bring(tree: Path, name: str, *files: str, version: str = "1.0") -> Path:
    """Leave the list of a package's files, as pip does, and return it."""
    folder = tree / PACKAGES / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    record = folder / "RECORD"
    with record.open("w", newline="") as file:
        csv.writer(file).writerows([name, "sha256=x", "1"] for name in (*files, f"{folder.name}/RECORD"))
    return record


def found(tree: Path, *modules: str) -> set[str]:
    return set(dependency_files(tree, "3.13", modules))


def test_files_of_all_packages_but_the_modules_are_found(tmp_path: Path) -> None:
    bring(tmp_path, "my_provider", "my_provider/__init__.py", "../../../bin/serve")
    bring(tmp_path, "words", "words/__init__.py", 'words/a, "b".txt', "../../../bin/words")
    assert found(tmp_path, "My.Provider") == {
        f"{PACKAGES}/words/__init__.py",
        f'{PACKAGES}/words/a, "b".txt',
        "bin/words",
        f"{PACKAGES}/words-1.0.dist-info/RECORD",
    }


def test_another_version_of_a_module_finds_the_same(tmp_path: Path) -> None:
    results = []
    for version in ("1.0", "2.0rc1"):
        tree = tmp_path / version
        bring(tree, "my_provider", "my_provider/__init__.py", version=version)
        bring(tree, "words", "words.py")
        results.append(found(tree, "my-provider"))
    assert results[0] == results[1]


def test_a_file_that_a_module_lists_too_stays_with_the_module(tmp_path: Path) -> None:
    bring(tmp_path, "my_provider", "shared/__init__.py")
    bring(tmp_path, "words", "shared/__init__.py")
    assert found(tmp_path, "my-provider") == {f"{PACKAGES}/words-1.0.dist-info/RECORD"}


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "quote", "bytes"])
def test_a_list_that_is_none_finds_nothing(tmp_path: Path, kind: str) -> None:
    """A pipe would keep a reader waiting for ever; a link could lead to a file that only this container may read."""
    record = bring(tmp_path, "words")
    record.unlink()
    if kind == "link":
        (tmp_path / "secret").write_text("secret,,\n")
        record.symlink_to(tmp_path / "secret")
    elif kind == "folder":
        record.mkdir()
    elif kind == "pipe":
        os.mkfifo(record)
    elif kind == "quote":
        record.write_text("x" * 200_000)  # longer than the csv module takes as one field
    else:
        record.write_bytes(b"\xff\xfe,,\n")
    assert found(tmp_path) <= {f"{PACKAGES}/\udcff\udcfe"}


def test_lists_without_end_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "MOST_BYTES", 200)
    bring(tmp_path, "a", *(f"a/{number}.py" for number in range(50)))
    bring(tmp_path, "b", "b.py")
    assert found(tmp_path) == {f"{PACKAGES}/b.py", f"{PACKAGES}/b-1.0.dist-info/RECORD"}


@given(st.binary(max_size=300))
def test_whatever_a_list_holds_it_is_read_without_an_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        bring(Path(name), "words").write_bytes(content)
        assert all(isinstance(path, str) for path in found(Path(name)))
