"""Which places of a run config a release does not know: the signs by which its release is concluded.

They come from the schemas of the releases themselves, those of providers included, so a key that moved tells as much
as one that is new, and no list of keys has to follow upstream. Only keys, provider types and APIs are looked at: before
substitution most values are text. All releases are looked at for each config, so what they have in common is looked
at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.releases import Release

SchemaOf = Callable[[str], Mapping[str, Any]]
_DEPTH = 6
_MOST_TYPES = 4096
_STEP = re.compile(r"[.\[]")


@dataclass(frozen=True)
class Outline:
    """What tells a release from others, small enough to be read for all of them.

    Attributes:
        release: which one.
        run_config: the key of its run config's schema.
        providers: the specs of its provider types by API and type, in the JSON shape of `knowledge`.
        schemas: the keys of the schemas of its config classes, by dotted name. Equal schemas have equal keys.
        apis: every API that it has.
        rules: whatever else it ships that a verdict depends on, as JSON.
    """

    release: Release
    run_config: str
    providers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    schemas: Mapping[str, str]
    apis: frozenset[str]
    rules: Any


class Keys:
    """The keys that a schema knows at one place. What stands below a key is read when a config has it.

    Attributes:
        closed: whether keys are judged at all: not where anything may stand, or no mapping.
    """

    def __init__(self, branches: Iterable[Mapping[str, Any]], defs: Mapping[str, Any], depth: int = _DEPTH) -> None:
        """Read the keys that any of the branches of a schema knows."""
        self._defs, self._depth = defs, depth
        self._names: dict[str, list[Mapping[str, Any]]] = {}
        self._others: list[Mapping[str, Any]] = []
        self._read: dict[object, Keys] = {}
        objects = [one for branch in branches for one in _objects(branch, defs, depth)] if depth else []
        self.closed = bool(objects) and not any(_takes_anything(schema) for schema in objects)
        for schema in objects if self.closed else ():
            if isinstance(schema.get("additionalProperties"), dict):
                self._others.append(schema["additionalProperties"])
            for name, below in (schema.get("properties") or {}).items():
                for written in below.get("x-names") or (name,):
                    self._names.setdefault(written, []).append(below)

    def below(self, key: object) -> Keys | None:
        """Return what is known below a key; None where the key is not known."""
        branches = self._names.get(key) if isinstance(key, str) else None
        name = key if branches else None
        if name not in self._read:
            if not (branches or self._others):
                return None
            self._read[name] = Keys(branches or self._others, self._defs, self._depth - 1)
        return self._read[name]


@dataclass(frozen=True)
class Entry:
    """One provider of a config, with its path."""

    path: str
    api: str
    provider_type: str
    config: Any


_Shared = tuple[tuple[Keys, list[int]], ...]


@dataclass(frozen=True)
class _ProviderType:
    """One provider type in all releases, which are named by their places.

    Attributes:
        missing: where there is no such type.
        keys: what its config may have, and where.
        variants: a number for each release, equal where spec and schema are.
    """

    missing: tuple[int, ...]
    keys: _Shared
    variants: tuple[int, ...]


class Outlines:
    """All releases to choose from, oldest first."""

    def __init__(self, outlines: Iterable[Outline], schema_of: SchemaOf) -> None:
        """Prepare them.

        Args:
            outlines: one for each release.
            schema_of: returns the schema that a key of an outline stands for; called when it is needed first.
        """
        self._all = sorted(outlines, key=lambda outline: outline.release)
        self.releases = [outline.release for outline in self._all]
        self._schema_of = schema_of
        self._keys: dict[str, Keys] = {}
        self._types: dict[tuple[str, str], _ProviderType] = {}
        self._top = self._shared([outline.run_config for outline in self._all])
        self._rules = _numbered((one.run_config, repr(one.rules), Behaviour.of(one.release)) for one in self._all)

    def unknown(self, config: Mapping[str, Any]) -> list[set[str]]:
        """Return for each release the paths of a config that it does not know."""
        found: list[set[str]] = [set() for _ in self._all]
        _add(found, "", {key: value for key, value in config.items() if key != "providers"}, self._top)
        apis = _apis(config)
        for place, outline in enumerate(self._all):
            found[place].update(apis - outline.apis)
        for entry in entries_of(config):
            provider_type = self._type(entry)
            for place in provider_type.missing:
                found[place].add(entry.path)
            if entry.config:
                _add(found, f"{entry.path}.config", entry.config, provider_type.keys)
        return found

    def misfits(self, unknown: Sequence[Set[str]]) -> list[tuple[int, int]]:
        """Return for each release how badly it fits: how many of the paths that it does not know are of the future,
        then how many there are.

        Configs carry what is left from older releases, but nobody writes what is yet to come, so the future counts
        first.
        A path is of the future where a newer release knows it.
        """
        newest: dict[str, int] = {}
        for path in set[str]().union(*unknown):
            above = _above(path)
            knowing = (place for place in range(len(unknown) - 1, -1, -1) if unknown[place].isdisjoint(above))
            newest[path] = next(knowing, -1)
        return [(sum(newest[path] > place for path in paths), len(paths)) for place, paths in enumerate(unknown)]

    def verdict_keys(self, config: Mapping[str, Any]) -> list[object]:
        """Return values that are equal for releases between which the verdict on a config cannot differ."""
        used = {(entry.api, entry.provider_type): self._type(entry) for entry in entries_of(config)}
        return list(zip(self._rules, *(one.variants for one in used.values()), strict=True))

    def _type(self, entry: Entry) -> _ProviderType:
        name = (entry.api, entry.provider_type)
        if name not in self._types:
            if len(self._types) >= _MOST_TYPES:
                self._types.clear()
            self._types[name] = self._read_type(*name)
        return self._types[name]

    def _read_type(self, api: str, provider_type: str) -> _ProviderType:
        specs = [outline.providers.get(api, {}).get(provider_type) for outline in self._all]
        schemas = [
            outline.schemas.get(spec.get("config_class") or "") if spec is not None else None
            for outline, spec in zip(self._all, specs, strict=True)
        ]
        return _ProviderType(
            tuple(place for place, spec in enumerate(specs) if spec is None),
            self._shared(schemas),
            tuple(_numbered(zip(map(repr, specs), schemas, strict=True))),
        )

    def _shared(self, schemas: Iterable[str | None]) -> _Shared:
        """Return the keys that schemas know, each with the releases that have it."""
        places: dict[str, list[int]] = {}
        for place, key in enumerate(schemas):
            if key is not None:
                places.setdefault(key, []).append(place)
        return tuple((self._keys_of(key), found) for key, found in places.items())

    def _keys_of(self, key: str) -> Keys:
        if key not in self._keys:
            schema = self._schema_of(key)
            self._keys[key] = Keys([schema], schema.get("$defs") or {})
        return self._keys[key]


def _add(found: list[set[str]], path: str, value: Any, shared: _Shared) -> None:
    """Add what is unknown below a path to the findings of the releases that do not know it."""
    for keys, places in shared:
        paths = tuple(_unknown(path, value, keys))
        for place in places if paths else ():
            found[place].update(paths)


def entries_of(config: Mapping[str, Any]) -> Iterator[Entry]:
    """Return the providers that a config takes from its release, whether or not they are enabled."""
    providers = config.get("providers")
    for api, entries in providers.items() if isinstance(providers, dict) else ():
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, dict) or entry.get("module"):
                continue
            if isinstance(entry.get("provider_type"), str):
                yield Entry(f"providers.{api}[{index}]", str(api), entry["provider_type"], entry.get("config"))


def _apis(config: Mapping[str, Any]) -> set[str]:
    """Return the APIs that a config names."""
    providers, apis = config.get("providers"), config.get("apis")
    filled = {str(api) for api, entries in providers.items() if entries} if isinstance(providers, dict) else set()
    return filled | {api for api in (apis if isinstance(apis, list) else ()) if isinstance(api, str)}


def _above(path: str) -> list[str]:
    """Return a path and those above it; of one in `providers` also the API, since that is how its absence is told."""
    ends = [match.start() for match in _STEP.finditer(path)]
    above = [path, *(path[:end] for end in ends)]
    return [*above, above[2].partition(".")[2]] if path.startswith("providers.") and len(above) > 2 else above


def _numbered(values: Iterable[object]) -> list[int]:
    """Return a number for each value, the same for equal ones."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]


def _takes_anything(schema: Mapping[str, Any]) -> bool:
    extra = schema.get("additionalProperties")
    return schema.get("x-extra") == "allow" or extra is True or not (schema.get("properties") or extra)


def _objects(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Return the schemas of the mappings that a schema takes, those in a list included."""
    if "$ref" in schema and depth:
        yield from _objects(defs.get(str(schema["$ref"]).rsplit("/", 1)[-1]) or {}, defs, depth - 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword) or ():
            yield from _objects(branch, defs, depth)
    if isinstance(schema.get("items"), dict):
        yield from _objects(schema["items"], defs, depth)
    if schema.get("type") == "object" or "properties" in schema:
        yield schema


def _unknown(path: str, value: Any, keys: Keys) -> Iterator[str]:
    """Return the paths of the keys that a schema does not know.

    What is empty says nothing: upstream's own configs carry empty sections that are long gone.
    """
    if not keys.closed:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(f"{path}[{index}]", item, keys)
    for key, item in value.items() if isinstance(value, dict) else ():
        below = keys.below(key)
        if below is None:
            if item not in (None, [], {}, ""):
                yield _place(path, key)
        elif below.closed and isinstance(item, (dict, list)):
            yield from _unknown(_place(path, key), item, below)


def _place(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
