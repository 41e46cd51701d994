"""The command line beside a release: what its installation would change there, and that it works there.

The releases' environments are shared by tests, so nothing is installed into them: uv says what it would do, and the
wheel itself goes into a folder beside them.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance.releases import ENVIRONMENT, RELEASES, ROOT, python_of
from tests.support.distributions import LIGHT, make_distribution

EXAMPLE = ROOT / "examples" / "quickstart.yaml"
UV = ROOT / ".venv" / "bin" / "uv"


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the command line."""
    return make_distribution(LIGHT, tmp_path_factory.mktemp("light"))


def changes(name: str, *wanted: str) -> set[str]:
    """Return what an installation would add to a release's environment and take from it, as `+name` and `-name`."""
    command = [str(UV), "pip", "install", "--dry-run", "--python", str(python_of(name)), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.split() for line in done.stderr.splitlines() if line.startswith((" +", " -", " ~")))
    return {sign + package.partition("==")[0] for sign, package, *_ in lines}


@pytest.mark.parametrize("name", RELEASES)
def test_installing_the_command_line_changes_no_package_of_a_release(name: str, light: Path) -> None:
    found = changes(name, str(light))

    # packaging is new where the release has none; nothing that was there is removed or replaced.
    assert {"+llamastack-cli", "+shtab"} <= found <= {"+llamastack-cli", "+shtab", "+packaging"}


def test_a_package_that_would_be_replaced_is_seen() -> None:
    """What shows that the look at the changes finds them."""
    assert changes(RELEASES[-1], "pydantic<2.14") >= {"-pydantic", "+pydantic"}


@pytest.mark.parametrize("name", RELEASES)
def test_the_command_line_validates_beside_a_release(name: str, light: Path, tmp_path: Path) -> None:
    python, folder = str(python_of(name)), tmp_path / "light"
    install = [str(UV), "pip", "install", "-q", "--python", python, "--no-deps", "--target", str(folder), str(light)]
    subprocess.run(install, check=True)

    done = subprocess.run(
        [python, "-m", "llamastack_operator.cli", "validate", os.fspath(EXAMPLE)],
        env={**ENVIRONMENT, "HOME": str(tmp_path), "PYTHONPATH": str(folder)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "1 document: nothing is wrong\n", "")
