"""Makes wheels and source distributions without a build backend, so that their bytes are always the same."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TIME = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A distribution to be made.

    Attributes:
        name: its name, with dashes.
        version: its version.
        files: texts by path, such as `demo/__init__.py`.
        requires: `Requires-Dist`.
        python: `Requires-Python`.
        scripts: console scripts, such as `demo = demo:main`.
        extras: requirements of each extra.
        tag: the wheel's tags.
    """

    name: str
    version: str = "1.0"
    files: Mapping[str, str] = field(default_factory=dict)
    requires: Sequence[str] = ()
    python: str = ">=3.8"
    scripts: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tag: str = "py3-none-any"

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}", "License: MIT"]
        lines += [f"Requires-Python: {self.python}", *(f"Requires-Dist: {text}" for text in self.requires)]
        for extra, requirements in self.extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {text}; extra == "{extra}"' for text in requirements]
        return "\n".join(lines) + "\n"


def make_wheel(package: Package, folder: Path) -> Path:
    """Write the wheel of a package into a folder and return its path."""
    info = f"{package.stem}.dist-info"
    files = dict(package.files)
    files[f"{info}/METADATA"] = package.metadata
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {package.tag}\n"
    if package.scripts:
        files[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{line}\n" for line in package.scripts)
    rows = [f"{path},{_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{package.stem}-{package.tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, TIME)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text)
    return target


def make_source(package: Package, folder: Path, setup: str) -> Path:
    """Write a source distribution whose own build backend is the text `setup`, and return its path.

    The backend lies in the archive, so that no build needs a package from an index.
    """
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {**package.files, "pyproject.toml": pyproject, "backend.py": setup, "PKG-INFO": package.metadata}
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{package.stem}.tar.gz"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{package.stem}/{path}")
            entry.size = len(text.encode())
            entry.mtime = 1577836800
            archive.addfile(entry, io.BytesIO(text.encode()))
    target.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return target


def _digest(text: str) -> str:
    raw = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"sha256={raw}"
