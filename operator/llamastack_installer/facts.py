"""Describes an interpreter and what it has installed: run by that interpreter, answered in JSON.

The base of a layer is described this way, be it the image's own Python or that of a stack layer below.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_contract.names import canonical
from llamastack_contract.record import Distribution
from llamastack_installer.failure import FailureError

_PACKAGE_HOME = Path(__file__).parent.parent
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from llamastack_installer.facts import describe
sys.path.pop(0)
describe()
"""
_VERSION = re.compile(r"[0-9]+(![0-9]+)?([A-Za-z._+-][A-Za-z0-9._+-]*)?")
_TIMEOUT = 120


@dataclass(frozen=True)
class Facts:
    """What there is to know of an interpreter.

    Attributes:
        executable: what to call it by.
        home: the interpreter behind it, where it is itself one of a virtual environment.
        version: such as `3.13`.
        sites: folders that it imports packages from, in order.
        distributions: what is installed there, sorted by name.
        implementation: such as `cpython`.
    """

    executable: Path
    home: Path
    version: str
    sites: tuple[Path, ...]
    distributions: tuple[Distribution, ...]
    implementation: str = "cpython"

    @property
    def cpython(self) -> str:
        """The version without the dot, as wheels have it; empty for another implementation."""
        return self.version.replace(".", "") if self.implementation == "cpython" else ""


def facts_of(python: Path) -> Facts:
    """Ask an interpreter.

    Raises:
        FailureError: it does not answer.
    """
    command = [str(python), "-s", "-P", "-c", _PROGRAM, str(_PACKAGE_HOME)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL, cwd="/"
        )
        data = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        tail = str(getattr(error, "stderr", None) or "").splitlines()
        raise FailureError("UnsupportedBase", f"{python} cannot be run: {error}", tail=tail) from error
    return Facts(
        Path(data["executable"]),
        Path(data["home"]),
        data["version"],
        tuple(map(Path, data["sites"])),
        tuple(Distribution(item["name"], item["version"]) for item in data["distributions"]),
        data["implementation"],
    )


def describe() -> None:
    """Print the facts of the running interpreter."""
    sites = site_folders()
    data: dict[str, Any] = {
        "executable": sys.executable,
        "home": getattr(sys, "_base_executable", None) or sys.executable,
        "implementation": sys.implementation.name,
        "version": sysconfig.get_python_version(),
        "sites": sites,
        "distributions": [item.to_dict() for item in installed(sites)],
    }
    sys.stdout.write("\n" + json.dumps(data) + "\n")


def site_folders() -> list[str]:
    """Return the folders of `sys.path` that are not Python's own."""
    own = {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    own |= {os.path.join(path, "lib-dynload") for path in own}  # noqa: PTH118
    found = [path for path in sys.path if path and Path(path).is_dir()]
    return list(dict.fromkeys(path for path in found if os.path.realpath(path) not in own))


def installed(sites: list[str]) -> list[Distribution]:
    """Return what is installed in some folders; of two with one name, that which is imported."""
    found: dict[str, Distribution] = {}
    for item in importlib.metadata.distributions(path=sites):
        name, version = item.metadata["Name"], item.metadata["Version"]
        if name and version and _VERSION.fullmatch(version):
            found.setdefault(canonical(name), Distribution(name, version))
    return [found[key] for key in sorted(found)]
