"""Whether `llamastack build` runs where it must: in a container of the very base that it builds on.

What is installed is made for the interpreter and the packages that are here; on another base it would be wrong without
anybody noticing until a server starts. So what differs is an error, and `llamastack containerfile` is the way out.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llamastack_installer.facts import Facts, facts_of
from llamastack_installer.failure import FailureError
from llamastack_operator.cli.parser import CliError
from llamastack_operator.planning.install.install_plan import InstallPlan

INSTEAD = "run this in a container of the base, or use `llamastack containerfile` with an image builder"
_SERVERS = ("llama-stack", "ogx")


def base_python(option: str | None) -> Path:
    """Return the base's interpreter: the first python3 of the PATH that does not belong to this program's environment.

    Raises:
        CliError: there is none.
    """
    own = Path(sys.prefix, "bin").resolve()
    folders = [
        folder for folder in os.get_exec_path() if Path(folder).resolve() != own or sys.prefix == sys.base_prefix
    ]
    found = shutil.which(option or "python3", path=os.pathsep.join(folders))
    if found is None:
        raise CliError(f"there is no {option or 'python3'} here: {INSTEAD}")
    return Path(found)


def describe(python: Path) -> Facts:
    """Return what there is to know of the base's interpreter.

    Raises:
        CliError: it does not answer.
    """
    try:
        return facts_of(python)
    except FailureError as error:
        raise CliError(f"{error}; name the base's interpreter with --python") from error


def check_roots(plan: InstallPlan) -> None:
    """Make sure that the layers' folders can be made, and that nothing is in them.

    Raises:
        CliError: with the reason.
    """
    for layer in plan.layers:
        root = Path(layer.root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            full = any(root.iterdir())
        except OSError as error:
            message = f"{root} cannot be written here ({error.strerror}), and a layer is installed where it will lie"
            raise CliError(f"{message}: {INSTEAD}") from error
        if full:
            message = f"{root} is not empty: the base has such a layer already, or an earlier build left it"
            raise CliError(f"{message}; remove it in the second case, choose another base in the first")


def check_packages(plan: InstallPlan, base: str, here: Facts) -> None:
    """Make sure that this place has the release that the base is said to have.

    Raises:
        CliError: it has another, or none, or one where the plan installs it.
    """
    found = {item.key: item.version for item in here.distributions if item.key in _SERVERS}
    present = ", ".join(f"{name} {version}" for name, version in found.items()) or "no llama-stack"
    release = plan.release
    if plan.image is None:
        if found:
            raise CliError(f"{here.executable} has {present} already, and {base} has none: {INSTEAD}")
        return
    if not found:
        raise CliError(f"{here.executable} has {present}, so this is no container of {base}: {INSTEAD}")
    if release is not None and found.get(release.package) != release.version:
        wanted = f"{release.package} {release.version}"
        raise CliError(f"{here.executable} has {present}, and {base} has {wanted}: {INSTEAD}")


def check_base(base: str, config: Mapping[str, Any], here: Facts) -> None:
    """Compare the base's config in its registry with this place, as far as a config tells.

    Args:
        base: its reference.
        config: the image config that its registry has.
        here: the interpreter of this place.

    Raises:
        CliError: it tells of another Python.
    """
    variables = (config.get("config") or {}).get("Env") or []
    version = next((text.partition("=")[2] for text in variables if text.startswith("PYTHON_VERSION=")), None)
    if version and version.split(".")[:2] != here.version.split("."):
        raise CliError(f"{here.executable} is Python {here.version}, and {base} has {version}: {INSTEAD}")
