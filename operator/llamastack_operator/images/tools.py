"""The tools that a build takes into the base image: the installer as one zipapp, and pip.

Both come from the operator's own environment, so that a build uses what the operator was released with, and
nothing has to be fetched.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from functools import lru_cache
from pathlib import Path

from llamastack_contract.paths import INSTALLER_FILE
from llamastack_operator.packed.zipapp import packed

PACKAGES = ("llamastack_contract", "llamastack_installer", "llamastack_resolver")
_MAIN = "from llamastack_installer.__main__ import run\n\nrun()\n"


def copy_tools(target: Path) -> None:
    """Put `install.pyz` and the folder `pip` into a folder, replacing what is there.

    Raises:
        RuntimeError: the operator's environment has no pip.
        OSError: the folder cannot be written to.
    """
    target.mkdir(parents=True, exist_ok=True)
    (target / INSTALLER_FILE).write_bytes(installer())
    shutil.rmtree(target / "pip", ignore_errors=True)
    for source, name in pip_files():
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)


@lru_cache(maxsize=1)
def installer() -> bytes:
    """Return the zipapp: the same bytes for the same sources."""
    return packed(_MAIN, PACKAGES)


def pip_files() -> list[tuple[Path, str]]:
    """Return the files of the installed pip, and their names such as `pip/__main__.py`.

    Raises:
        RuntimeError: pip is not installed.
    """
    try:
        distribution = importlib.metadata.distribution("pip")
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeError("pip is missing in the operator's environment; its image has it") from error
    found = [
        (Path(str(distribution.locate_file(file))), str(file))
        for file in distribution.files or ()
        if file.parts[0] == "pip" and file.suffix not in (".pyc", ".exe")
    ]
    return sorted(found, key=lambda item: item[1])
