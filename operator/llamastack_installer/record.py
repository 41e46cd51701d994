"""Writes what a layer holds into the layer, and makes it the same for the same lock.

`llamastack.json` is the source of the software bill of materials and of the versions in a stack's status.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llamastack_contract.layer import Layer
from llamastack_contract.lock import Locked
from llamastack_contract.message import one_line
from llamastack_contract.names import canonical
from llamastack_contract.paths import RECORD_FILE
from llamastack_contract.record import Distribution, Record
from llamastack_contract.shape import LimitError, ShapeError
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError
from llamastack_installer.specs import Modules

_LICENSE_LIMIT = 200


def write_record(layer: Layer, packages: Path, base: Facts, lock: Iterable[Locked], modules: Modules) -> None:
    """Write `llamastack.json`; the lock is sorted by name.

    Raises:
        FailureError: it is more than can be recorded.
    """
    record = Record(
        kind=layer.kind,
        python=base.version,
        lock=tuple(sorted(lock, key=lambda entry: canonical(entry.name))),
        installed=_installed(packages),
        base=base.distributions,
        modules=modules.described,
    )
    try:
        text = record.checked().to_text()
    except LimitError as error:
        raise FailureError("LimitExceeded", f"too much for one layer: {error}", error.hint) from error
    except ShapeError as error:
        raise FailureError("BuildFailed", f"what was installed cannot be recorded: {error}") from error
    Path(layer.root, RECORD_FILE).write_text(text, "utf-8")


def settle(root: Path, packages: Path) -> None:
    """Remove what differs between two runs: byte code, and where a file was downloaded from.

    The lock in `llamastack.json` has the origin of each file; pip's own note of it would name the proxy.
    """
    for cache in sorted(root.rglob("__pycache__")):
        if cache.is_dir() and not cache.is_symlink():
            shutil.rmtree(cache)
    for note in packages.glob("*.dist-info/direct_url.json"):
        note.unlink()
        _drop(note.with_name("RECORD"), f"{note.parent.name}/{note.name}")


def _drop(record: Path, name: str) -> None:
    with record.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row and row[0] != name]
    text = io.StringIO()
    # pip too ends its lines as the csv module does.
    csv.writer(text).writerows(rows)
    record.write_text(text.getvalue(), "utf-8", newline="")


def _installed(packages: Path) -> tuple[Distribution, ...]:
    found = {}
    for item in importlib.metadata.distributions(path=[str(packages)]):
        name, version = item.metadata["Name"], item.metadata["Version"]
        if name and version:
            found[canonical(name)] = Distribution(name, version, _license(item.metadata))
    return tuple(found[key] for key in sorted(found))


def _license(metadata: Any) -> str | None:
    """Return the licence, the expression of PEP 639 first; a whole licence text in the old field is none."""
    text = metadata.get("License-Expression") or metadata.get("License") or ""
    if text and "\n" not in text and len(text) <= _LICENSE_LIMIT and text.upper() != "UNKNOWN":
        return one_line(text, _LICENSE_LIMIT)
    classifiers = [value for value in metadata.get_all("Classifier") or () if value.startswith("License :: ")]
    return one_line(classifiers[0].rsplit(" :: ", 1)[-1], _LICENSE_LIMIT) if classifiers else None
