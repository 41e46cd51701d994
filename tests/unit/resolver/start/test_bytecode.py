"""When a pod's cache for bytecode is used. Packages are small ones on a path: only where their files lie matters."""

from __future__ import annotations

import os
import py_compile
import sys
from pathlib import Path

import pytest

from llamastack_resolver.start.bytecode import environment_of

BEFORE = {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1"}
SERVERS = ["core/server/server.py", "distribution/server/server.py", "__init__.py"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> str:
    folder = tmp_path / "cache"
    folder.mkdir()
    return str(folder)


def package(site: Path, name: str, server: str = "core/server/server.py") -> Path:
    """Make a package that cannot be imported; return the file that a server would import."""
    (site / name).mkdir()
    (site / name / "__init__.py").write_text("raise RuntimeError('is never imported')")
    source = site / name / server
    source.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        source.write_text("x = 1\n")
    return source


def used(cache: str) -> dict[str, str]:
    return {**BEFORE, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}


@pytest.mark.parametrize("name", ["ogx", "llama_stack"])
@pytest.mark.parametrize("server", SERVERS)
def test_an_image_without_bytecode_gets_the_cache(site: Path, cache: str, name: str, server: str):
    package(site, name, server)
    assert environment_of(BEFORE, cache) == used(cache)


@pytest.mark.parametrize("name", ["ogx", "llama_stack"])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
def test_an_image_with_bytecode_keeps_to_it(
    site: Path, cache: str, name: str, server: str, mode: py_compile.PycInvalidationMode
):
    py_compile.compile(str(package(site, name, server)), invalidation_mode=mode)
    assert environment_of(BEFORE, cache) == BEFORE


def test_bytecode_of_the_packages_top_alone_is_none(site: Path, cache: str):
    """Tools of the release that ran while the image was made leave so much."""
    package(site, "llama_stack")
    py_compile.compile(str(site / "llama_stack" / "__init__.py"), doraise=True)
    assert environment_of(BEFORE, cache) == used(cache)


def test_bytecode_that_python_would_not_take_is_none(site: Path, cache: str):
    source = package(site, "ogx")
    compiled = Path(py_compile.compile(str(source)) or "")
    content = compiled.read_bytes()
    os.utime(source, (0, 0))
    assert environment_of(BEFORE, cache) == used(cache), "it is of another file"
    compiled.write_bytes(b"\0\0\0\0" + content[4:])
    assert environment_of(BEFORE, cache) == used(cache), "it is of another Python"
    compiled.write_bytes(content[:10])
    assert environment_of(BEFORE, cache) == used(cache), "it is damaged"


def test_a_package_that_is_bytecode_needs_none(site: Path, cache: str):
    folder = site / "ogx"
    folder.mkdir()
    (site / "source.py").write_text("raise RuntimeError('is never imported')")
    py_compile.compile(str(site / "source.py"), cfile=str(folder / "__init__.pyc"))
    assert environment_of(BEFORE, cache) == BEFORE


def test_where_both_packages_are_there_the_new_one_counts(site: Path, cache: str):
    py_compile.compile(str(package(site, "ogx")))
    package(site, "llama_stack")
    assert environment_of(BEFORE, cache) == BEFORE


@pytest.mark.parametrize("prefix", ["/own", ""])
def test_who_has_set_the_prefix_has_decided(site: Path, cache: str, prefix: str):
    package(site, "ogx")
    variables = {**BEFORE, "PYTHONPYCACHEPREFIX": prefix}
    assert environment_of(variables, cache) == variables


def test_no_release_or_a_folder_of_modules_alone_needs_no_cache(site: Path, cache: str):
    assert environment_of(BEFORE, cache) == BEFORE
    (site / "ogx").mkdir()
    assert environment_of(BEFORE, cache) == BEFORE


def test_without_a_cache_nothing_changes(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package(site, "ogx")
    (tmp_path / "file").touch()
    for cache in (None, str(tmp_path / "nothing"), str(tmp_path / "file")):
        assert environment_of(BEFORE, cache) == BEFORE
    monkeypatch.setattr(os, "access", lambda *_: False)  # what root may not write to either
    assert environment_of(BEFORE, str(tmp_path)) == BEFORE


def test_a_finder_of_the_image_that_fails_is_passed_over(site: Path, cache: str, monkeypatch: pytest.MonkeyPatch):
    class Broken:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "ogx":
                raise RuntimeError(name)

    package(site, "llama_stack")
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    assert environment_of(BEFORE, cache) == used(cache)
