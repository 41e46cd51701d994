"""Makes the root of a layer: a virtual environment that also sees what its base has installed.

The layout is that of `python3 -m venv --without-pip`, written by hand: the module is an extra package in some
distributions, and what it writes differs between Python versions and with the command line.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from llamastack_contract.paths import packages_of
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError

BASE_PTH = "_llamastack_base.pth"


def site_packages(root: Path, version: str) -> Path:
    """Return the folder that packages are installed into."""
    return root / packages_of(version)


def python_of(root: Path) -> Path:
    """Return the interpreter of a root."""
    return root / "bin" / "python"


def make_root(root: Path, base: Facts) -> None:
    """Make the environment; what an earlier, interrupted try left there is removed.

    The base's folders are added with `site.addsitedir`, so that their own `.pth` files are heeded too: a base
    may itself be an environment that sees another.

    Raises:
        FailureError: the folder cannot be written to.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        for child in root.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()
        packages = site_packages(root, base.version)
        packages.mkdir(parents=True)
        (root / "bin").mkdir()
        (root / "lib64").symlink_to("lib")
        (root / "bin" / "python").symlink_to(base.home)
        for name in ("python3", f"python{base.version}"):
            (root / "bin" / name).symlink_to("python")
        settings = (f"home = {base.home.parent}", "include-system-site-packages = false", f"version = {base.version}")
        (root / "pyvenv.cfg").write_text("".join(f"{line}\n" for line in settings), "utf-8")
        sites = [str(site) for site in base.sites]
        (packages / BASE_PTH).write_text(f"import site; [site.addsitedir(path) for path in {sites!r}]\n", "utf-8")
    except OSError as error:
        raise FailureError("BuildFailed", f"{root} cannot be made: {error.strerror or error}") from error
