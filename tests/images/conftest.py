"""A registry without rules for those tests that need no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import CannotRunError
from tests.cluster.fixtures import cannot_run
from tests.cluster.packages import install_packages
from tests.images.bed import Registry


@pytest.fixture(scope="session")
def registries() -> None:
    """Make sure that this machine has the program."""
    try:
        install_packages("docker-registry", "buildah")
    except CannotRunError as error:
        cannot_run(error)


@pytest.fixture
def registry(tmp_path: Path, registries: None) -> Iterator[Registry]:
    """A registry that everybody may use."""
    running = Registry(tmp_path / "registry")
    yield running
    running.stop()
