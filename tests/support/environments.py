"""Virtual environments with pinned packages, kept in the cache under the name of all that they are made of."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.cache import kept

UV = str(Path(sys.executable).with_name("uv"))
# Which interpreter an environment is of: its version and where it lies, since the environment links to it.
_INTERPRETER = (sys.version, str(Path(sys.executable).resolve()))
_RECIPE = Path(__file__).read_bytes()


def install(python: Path, requirements: Iterable[str], pins: Iterable[str]) -> None:
    """Install requirements from the package index, with the pinned versions of all that they bring.

    Args:
        python: interpreter of the environment.
        requirements: what to install.
        pins: lines such as `name==1.0`.

    Raises:
        AssertionError: something was installed that has no pin.
        subprocess.CalledProcessError: the installation failed.
    """
    pinned = [*pins]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(pinned))
        constraints.flush()
        command = [UV, "pip", "install", "-q", "--no-build", "--python", str(python), "-c", constraints.name]
        subprocess.run([*command, *requirements], check=True)
    listed = subprocess.run(
        [UV, "pip", "list", "-q", "--format", "json", "--python", str(python)], check=True, capture_output=True
    )
    installed = {(canonicalize_name(item["name"]), item["version"]) for item in json.loads(listed.stdout)}
    known = {(canonicalize_name(one.name), str(one.specifier)[2:]) for one in map(Requirement, pinned)}
    assert installed <= known, f"no pin for {sorted(installed - known)}; see tests/pins/README.md"


def environment(label: str, requirements: Iterable[str], pins: Iterable[str]) -> Path:
    """Return the interpreter of an environment with requirements and the pinned versions of all that they bring.

    Args:
        label: what its folder's name begins with.
        requirements: what to install.
        pins: lines such as `name==1.0`.
    """
    wanted, pinned = sorted(requirements), sorted(pins)

    def make(folder: Path) -> None:
        # Relocatable, since it is renamed when it is complete.
        subprocess.run([UV, "venv", "-q", "--relocatable", "--python", sys.executable, str(folder)], check=True)
        install(folder / "bin" / "python", wanted, pinned)

    ingredients = (*_INTERPRETER, _RECIPE, "\n".join(wanted), "\n".join(pinned))
    return kept("venvs", label, ingredients, make) / "bin" / "python"


def overlay(label: str, *packages: str) -> Path:
    """Return a folder with packages of exact versions, without their dependencies.

    Args:
        label: what its name begins with.
        packages: requirements such as `name==1.0`.
    """
    assert all("==" in package for package in packages), packages

    def make(folder: Path) -> None:
        command = [UV, "pip", "install", "-q", "--no-build", "--no-deps", "--python", sys.executable]
        subprocess.run([*command, "--target", str(folder), *packages], check=True)

    return kept("overlays", label, (*_INTERPRETER, _RECIPE, *packages), make)
