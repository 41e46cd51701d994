"""Fixtures of the installer's tests, made once for all of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamastack_operator.images.tools import copy_tools
from tests.conformance.releases import python_of
from tests.packages.index import PackageIndex, write_index
from tests.packages.providers import all_packages


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    copy_tools(folder)
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return all_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def index(files: list[Path], tmp_path: Path) -> Iterator[PackageIndex]:
    folder = write_index(files, tmp_path / "index")
    with PackageIndex(folder).served() as served:
        yield served


@pytest.fixture(scope="session")
def base() -> Path:
    """The interpreter of a real release: an environment without pip, as many an image has."""
    return python_of("0.7.3")


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with no package at all, for what does not depend on the base: pip is quicker on it."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"
