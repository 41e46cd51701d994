"""What an installation says about itself: `llamastack.json` in a layer, and the lines that `push` prints.

It was written beside a tenant's code, so it is read strictly and within bounds, by all who read it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from llamastack_contract.limits import LOCK_BYTES, LOCK_FILES, MODULES, MODULES_BYTES, PACKAGES, PROVIDERS, RECORD_BYTES
from llamastack_contract.lock import NAME, NAME_LIMIT, VERSION, Locked, lock_to_dicts
from llamastack_contract.names import canonical
from llamastack_contract.paths import ROOTS, LayerKind
from llamastack_contract.shape import LimitError, Members, ShapeError

FORMAT = 1
_FEWER_PACKAGES = "install fewer packages, or use a base image that has most of them"
_FEWER_MODULES = "use fewer provider modules, or a base image that has some of them"
_PYTHON = re.compile(r"3\.[0-9]{1,2}")


@dataclass(frozen=True)
class Distribution:
    """An installed distribution.

    Attributes:
        name: as it names itself.
        version: its version.
        license: its licence, where it names one in a line.
    """

    name: str
    version: str
    license: str | None = None

    @property
    def key(self) -> str:
        """The name as indexes compare it."""
        return canonical(self.name)

    @classmethod
    def from_dict(cls, data: object, place: str = "") -> Distribution:
        """Read the JSON shape.

        Raises:
            ShapeError: it has another shape.
        """
        members = Members.of(data, place, ("name", "version", "license"))
        name, version = members.text("name", NAME, NAME_LIMIT), members.text("version", VERSION, NAME_LIMIT)
        return cls(name, version, members.optional_text("license"))

    def to_dict(self) -> dict[str, str]:
        """Return the JSON shape."""
        known = {"name": self.name, "version": self.version}
        return known if self.license is None else {**known, "license": self.license}


@dataclass(frozen=True)
class Provider:
    """What a module's `get_provider_spec` offers: an API and the type of a provider of it."""

    api: str
    type: str


@dataclass(frozen=True)
class Module:
    """An external provider module, as it was found once installed.

    Attributes:
        requirement: as the run config has it.
        distribution: what brought it.
        version: of the distribution; `unknown` for one that was copied into the base.
        import_name: the package that the server imports.
        providers: what it offers.
    """

    requirement: str
    distribution: str
    version: str
    import_name: str
    providers: tuple[Provider, ...] = ()

    @classmethod
    def from_dict(cls, data: object, place: str = "") -> Module:
        """Read the JSON shape.

        Raises:
            ShapeError: it has another shape.
        """
        members = Members.of(data, place, ("requirement", "distribution", "version", "importName", "providers"))
        offered = _bounded(members, "providers", PROVIDERS, "offer fewer providers in one module")
        parts = [Members.of(one, f"{members.at('providers')}.{n}", ("api", "type")) for n, one in enumerate(offered)]
        return cls(
            requirement=members.text("requirement"),
            distribution=members.text("distribution", NAME, NAME_LIMIT),
            version=members.text("version", VERSION, NAME_LIMIT),
            import_name=members.text("importName"),
            providers=tuple(Provider(part.text("api"), part.text("type")) for part in parts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "requirement": self.requirement,
            "distribution": self.distribution,
            "version": self.version,
            "importName": self.import_name,
            "providers": [{"api": provider.api, "type": provider.type} for provider in self.providers],
        }


@dataclass(frozen=True)
class Record:
    """The record of one layer.

    Attributes:
        kind: of the layer.
        python: major and minor version of its interpreter, such as `3.13`.
        lock: the files that were installed.
        installed: the distributions in the layer.
        base: those that the base had.
        modules: the provider modules.
    """

    kind: LayerKind
    python: str
    lock: tuple[Locked, ...] = ()
    installed: tuple[Distribution, ...] = ()
    base: tuple[Distribution, ...] = ()
    modules: tuple[Module, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Record:
        """Read a record.

        Raises:
            LimitError: it is larger than can be handed on.
            ShapeError: it is none; the text names places, not values.
        """
        _check_size("the record", len(content), RECORD_BYTES, _FEWER_PACKAGES)
        try:
            data = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ShapeError("no JSON") from error
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: object) -> Record:
        """Read the JSON shape.

        Raises:
            LimitError: it is larger than can be handed on.
            ShapeError: it has another shape.
        """
        members = Members.of(data, "", ("format", "kind", "python", "lock", "installed", "base", "modules"))
        kind = members.text("kind")
        if members.data.get("format") != FORMAT:
            raise ShapeError(f"format {members.data.get('format')!r}, and {FORMAT} is read")
        if kind not in ROOTS:
            raise ShapeError("kind is neither stack nor modules")
        lock = _bounded(members, "lock", LOCK_FILES, _FEWER_PACKAGES)
        installed = _bounded(members, "installed", PACKAGES, _FEWER_PACKAGES)
        base = _bounded(members, "base", PACKAGES, "use a base image with fewer packages")
        modules = _bounded(members, "modules", MODULES, _FEWER_MODULES)
        record = cls(
            kind=cast(LayerKind, kind),
            python=members.text("python", _PYTHON),
            lock=tuple(Locked.from_dict(one, f"lock.{number}") for number, one in enumerate(lock)),
            installed=tuple(Distribution.from_dict(one, f"installed.{n}") for n, one in enumerate(installed)),
            base=tuple(Distribution.from_dict(one, f"base.{number}") for number, one in enumerate(base)),
            modules=tuple(Module.from_dict(one, f"modules.{number}") for number, one in enumerate(modules)),
        )
        record._check_bytes()
        return record

    def checked(self) -> Record:
        """Return the record, where all who read it take it.

        Raises:
            LimitError: it is larger than can be handed on.
            ShapeError: a value could not be one.
        """
        _check_size("the record", len(self.to_text().encode()), RECORD_BYTES, _FEWER_PACKAGES)
        return Record.from_dict(self.to_dict())

    def _check_bytes(self) -> None:
        lock = sum(len(entry.to_text()) for entry in self.lock)
        modules = sum(len(json.dumps(module.to_dict())) for module in self.modules)
        _check_size("the record", len(self.content()), RECORD_BYTES, _FEWER_PACKAGES)
        _check_size("the lock", lock, LOCK_BYTES, _FEWER_PACKAGES)
        _check_size("the list of modules", modules, MODULES_BYTES, _FEWER_MODULES)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "python": self.python,
            "lock": lock_to_dicts(self.lock),
            "installed": [one.to_dict() for one in self.installed],
            "base": [one.to_dict() for one in self.base],
            "modules": [one.to_dict() for one in self.modules],
        }

    def to_text(self) -> str:
        """Return the text of the file: the same for the same record."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    def content(self) -> bytes:
        """Return the bytes that are printed, and that the digest is of: the same for the same record."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _bounded(members: Members, name: str, limit: int, hint: str) -> tuple[Any, ...]:
    if members.data.get(name) is None:
        raise ShapeError(f"{members.at(name)} is missing")
    items = members.items(name)
    if len(items) > limit:
        raise LimitError(f"{members.at(name)} has {len(items)} entries, and {limit} are possible", hint)
    return items


def _check_size(what: str, size: int, limit: int, hint: str) -> None:
    if size > limit:
        raise LimitError(f"{what} takes {size} bytes, and {limit} are possible", hint)
