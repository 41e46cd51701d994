"""Packs packages into one file that Python runs: the same bytes for the same sources, wherever it is made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

# The oldest time that a zip file can hold.
_TIME = (1980, 1, 1, 0, 0, 0)


def packed(
    main: str,
    packages: Sequence[str],
    made: Mapping[str, str] | None = None,
) -> bytes:
    """Return a zipapp.

    Args:
        main: the text of its `__main__.py`.
        packages: names of the packages in it, with their JSON files.
        made: texts of further files, by their names.
    """
    members = {"__main__.py": main.encode(), **{name: text.encode() for name, text in (made or {}).items()}}
    for package in packages:
        members.update(_files(files(package), package))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in sorted(members.items()):
            _add(archive, name, data)
    return buffer.getvalue()


def _files(folder: Traversable, name: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for child in folder.iterdir():
        path = f"{name}/{child.name}"
        if child.is_dir() and child.name != "__pycache__":
            found.update(_files(child, path))
        elif child.name.endswith((".py", ".json")):
            found[path] = child.read_bytes()
    return found


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    # Not what the machine is: that would be in the bytes.
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)
