"""The smallest wheel there can be, so that tests of an index need no build tool."""

from __future__ import annotations

import zipfile
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> Path:
    """Write a pure wheel and return its path.

    Args:
        folder: where it goes.
        name: name of the distribution.
        version: its version.
        files: text by path inside the wheel.
        requires: its requirements (PEP 508).
    """
    stem = f"{name.replace('-', '_')}-{version}"
    headers = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata = {
        "METADATA": "\n".join([*headers, *(f"Requires-Dist: {requirement}" for requirement in requires), ""]),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = {**files, **{f"{stem}.dist-info/{file}": text for file, text in metadata.items()}}
    record = f"{stem}.dist-info/RECORD"
    content[record] = "".join(f"{path},,\n" for path in [*content, record])
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            # Fixed times: the same content is the same file.
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel
