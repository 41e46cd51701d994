"""Reads `build.json`, the inputs that every container of a build shares.

The operator wrote it, but a layer's requirements are a tenant's words: whatever could become an option of pip
is refused here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from llamastack_installer.failure import FailureError

FORMAT = 1
LayerKind = Literal["stack", "modules"]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9._+!-]+")


@dataclass(frozen=True)
class Locked:
    """One file of a lock.

    Attributes:
        name: the distribution's name.
        version: its version.
        file: the file's name, such as `x-1-py3-none-any.whl`.
        sha256: the file's digest, in hexadecimal.
        index: position in the build's indexes, or the name of a named one; None for a file with an address.
        url: the file's own address, for direct references and indexes that only a package names.
    """

    name: str
    version: str
    file: str
    sha256: str
    index: int | str | None = 0
    url: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Locked:
        """Read the JSON shape.

        Raises:
            ValueError: a value is missing or could not be one.
        """
        name, version, file, sha256 = (str(data[key]) for key in ("name", "version", "file", "sha256"))
        entry = cls(name, version, file, sha256, data.get("index"), data.get("url"))
        shapes = ((_NAME, entry.name), (_VERSION, entry.version), (_FILE, entry.file), (_SHA256, entry.sha256))
        for shape, text in shapes:
            if not shape.fullmatch(text):
                raise ValueError(f"{text!r} cannot be part of a lock")
        if entry.url is not None and not re.fullmatch(r"https?://[^\s'\"#]+", entry.url):
            raise ValueError(f"{entry.url!r} is no address of a file")
        return entry

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "name": self.name,
            "version": self.version,
            "file": self.file,
            "sha256": self.sha256,
            "index": self.index,
            "url": self.url,
        }


@dataclass(frozen=True)
class Layer:
    """What one build installs, and where.

    Attributes:
        kind: `stack` or `modules`.
        root: the folder that becomes the layer.
        requirements: the first pass, PEP 508.
        special: packages with options of pip, each installed by a call of its own afterwards.
        modules: those requirements that are provider modules.
        constraints: versions to keep to.
        lock: exactly what to install; None to resolve.
    """

    kind: LayerKind
    root: Path
    requirements: tuple[str, ...] = ()
    special: tuple[tuple[str, ...], ...] = ()
    modules: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    lock: tuple[Locked, ...] | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layer:
        """Read the JSON shape.

        Raises:
            ValueError: it has another shape.
        """
        kind, root, lock = data["kind"], Path(data["root"]), data.get("lock")
        if kind not in ("stack", "modules") or not root.is_absolute():
            raise ValueError(f"a layer of kind {kind!r} in {root}")
        return cls(
            kind=kind,
            root=root,
            requirements=_texts(data, "requirements"),
            special=tuple(tuple(map(str, call)) for call in data.get("special") or ()),
            modules=_texts(data, "modules"),
            constraints=_texts(data, "constraints"),
            lock=None if lock is None else tuple(Locked.from_dict(entry) for entry in lock),
        )


@dataclass(frozen=True)
class PipSettings:
    """Where packages come from.

    Attributes:
        indexes: addresses of simple indexes, the first one first; empty for pip's default index.
        source_distributions: whether packages may be built from source.
        named: addresses of the indexes that `${index.NAME}` stands for.
    """

    indexes: tuple[str, ...] = ()
    source_distributions: bool = False
    named: Mapping[str, str] | None = None

    @property
    def count(self) -> int:
        """How many indexes there are: pip's default one, where none is named."""
        return len(self.indexes) or 1


@dataclass(frozen=True)
class BuildJson:
    """The parts of `build.json` that installing needs."""

    layer: Layer
    earlier: tuple[Layer, ...] = ()
    pip: PipSettings = PipSettings()

    def only(self, layer: Layer) -> BuildJson:
        """Return the same build for one of its earlier layers."""
        return replace(self, layer=layer, earlier=())


def read_build(path: Path) -> BuildJson:
    """Read `build.json`.

    Raises:
        FailureError: it cannot be read, is of another format, or has a requirement that pip would take for
            an option.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}, and this program reads {FORMAT}")
        pip = data.get("pip") or {}
        build = BuildJson(
            layer=Layer.from_dict(data["layer"]),
            earlier=tuple(Layer.from_dict(layer) for layer in data.get("earlier") or ()),
            pip=PipSettings(
                _texts(pip, "indexes"), pip.get("sourceDistributions") is True, dict(pip.get("namedIndexes") or {})
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise FailureError("BuildFailed", f"the build's inputs cannot be read: {detail}") from error
    for layer in (*build.earlier, build.layer):
        _refuse_options(layer)
    return build


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = data.get(key) or ()
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} is no list of texts")
    return tuple(values)


def _refuse_options(layer: Layer) -> None:
    for text in (*layer.requirements, *layer.modules, *layer.constraints):
        if text.lstrip().startswith("-") or re.search(r"[\r\n]|\s--?\w", text):
            hint = "write one PEP 508 requirement such as my-provider>=1.0, without options of pip"
            raise FailureError("RequirementInvalid", f"{text!r} is no requirement", hint)
