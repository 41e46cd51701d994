"""Which places of a run config a release does not know: the signs by which its release is concluded.

They come from the schemas of the releases themselves, those of providers included, so a key that moved tells as much
as one that is new, and no list of keys has to follow upstream. Only keys, provider types and APIs are looked at: before
substitution most values are text. All releases are looked at for each config, so what they have in common is read once
and looked at once.

JSON shape of what tells the releases from each other; places in its lists stand for what is there::

    {"keys": [null, [{"type": 0}], [{"backends": 0}, 1]],
     "apis": [["agents", "inference"]],
     "releases": [["ogx-1.5.0", 2, 0, 0]],
     "types": {"inference": {"remote::vllm": [[8], [3, 0, 1], [5, 1]]}}}

- `keys`: what a schema knows at one place: the keys, with the place in `keys` of what stands below each; then, where it
  takes other keys too, what stands below those. null is where keys are not judged. A list is judged by its items.
- `apis`: each set of APIs that a release has.
- `releases`, oldest first: the name, the place in `keys` of its run config's, the place in `apis` of its own, and a
  number for whatever else a verdict depends on, the same where that is the same.
- `types`: provider types by API and type, in runs of releases: how many are alike, oldest first; where they have the
  type, a number that is the same where spec and schema are; where its config has a schema, its place in `keys`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.api_names import meant_api
from llamastack_resolver.releases import Release

_STEP = re.compile(r"[.\[]")
_PROVIDERS = "providers."


class Keys:
    """The keys that a schema knows at one place.

    Attributes:
        closed: whether keys are judged at all: not where anything may stand, or no mapping.
    """

    def __init__(self, data: Sequence[Any] | None, places: Sequence[Keys]) -> None:
        """Read the JSON shape, with what is at the places before."""
        names, *others = data or ({},)
        self.closed = data is not None
        self._names = {name: places[place] for name, place in names.items()}
        self._others = places[others[0]] if others else None

    def below(self, key: object) -> Keys | None:
        """Return what is known below a key; None where the key is not known."""
        return self._names.get(key, self._others) if isinstance(key, str) else self._others


class Entry(NamedTuple):
    """One provider of a config, with its path."""

    path: str
    api: str
    provider_type: str
    config: Any


_Shared = Sequence[tuple[Keys, Sequence[int]]]


class _ProviderType(NamedTuple):
    """One provider type in all releases, which are named by their places.

    Attributes:
        missing: where there is no such type.
        keys: what its config may have, and where.
        variants: a number for each release, equal where spec and schema are; None where there is no such type.
    """

    missing: Sequence[int]
    keys: _Shared
    variants: Sequence[int | None]


class Outlines:
    """All releases to choose from, oldest first."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read the JSON shape of the module docstring."""
        names, top, apis, self._rules = zip(*data["releases"], strict=True)
        self.releases = [Release.parse(name) for name in names]
        self._keys: list[Keys] = []
        for one in data["keys"]:
            self._keys.append(Keys(one, self._keys))
        self._top = self._shared(enumerate(top))
        sets = [frozenset(one) for one in data["apis"]]
        self._apis = [sets[place] for place in apis]
        self._all_apis = frozenset[str]().union(*sets)
        self._runs: Mapping[str, Mapping[str, Any]] = data["types"]
        self._types: dict[tuple[str, str], _ProviderType] = {}
        everywhere = range(len(names))
        self._unknown_type = _ProviderType(everywhere, (), [None for _ in everywhere])

    def unknown(self, config: Mapping[str, Any]) -> list[set[str]]:
        """Return for each release the paths of a config that it does not know."""
        found: list[set[str]] = [set() for _ in self.releases]
        _add(found, "", {key: value for key, value in config.items() if key != "providers"}, self._top)
        named = {name: self._meant(name) for name in _apis(config)}
        for paths, apis in zip(found, self._apis, strict=True):
            paths.update(name for name, api in named.items() if api not in apis)
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
        paths_of_any = set[str]().union(*unknown)
        lengths = set(map(len, paths_of_any))
        for path in paths_of_any:
            above = _above(path, lengths)
            knowing = (place for place in range(len(unknown) - 1, -1, -1) if unknown[place].isdisjoint(above))
            newest[path] = next(knowing, -1)
        return [(sum(newest[path] > place for path in paths), len(paths)) for place, paths in enumerate(unknown)]

    def verdict_keys(self, config: Mapping[str, Any], places: Iterable[int]) -> list[object]:
        """Return, for the releases at these places, values that are equal where the verdict on a config cannot
        differ."""
        used = {(entry.api, entry.provider_type): self._type(entry) for entry in entries_of(config)}
        variants = [one.variants for one in used.values()]
        return [
            (self._rules[place], Behaviour.of(self.releases[place]), *(one[place] for one in variants))
            for place in places
        ]

    def _meant(self, name: str) -> str:
        """Return the API that releases take a name for: the name itself where it is an exact one, or none at all."""
        return meant_api(name, self._all_apis) or name

    def _type(self, entry: Entry) -> _ProviderType:
        api = self._meant(entry.api)
        name = (api, entry.provider_type)
        runs = self._runs.get(api, {}).get(entry.provider_type)
        if runs is None:
            return self._unknown_type
        if name not in self._types:
            self._types[name] = self._read_type(runs)
        return self._types[name]

    def _read_type(self, runs: Iterable[Sequence[int]]) -> _ProviderType:
        alike = [rest for count, *rest in runs for _ in range(count)]
        return _ProviderType(
            [place for place, known in enumerate(alike) if not known],
            self._shared((place, known[1]) for place, known in enumerate(alike) if len(known) > 1),
            [known[0] if known else None for known in alike],
        )

    def _shared(self, keys: Iterable[tuple[int, int]]) -> _Shared:
        """Return keys, each with the releases that have them, from pairs of a release and a place in `keys`."""
        releases: dict[int, list[int]] = {}
        for release, place in keys:
            releases.setdefault(place, []).append(release)
        return [(self._keys[place], found) for place, found in releases.items()]


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


def _above(path: str, lengths: Set[int]) -> list[str]:
    """Return a path and those above it; of one in `providers` also the API, since that is how its absence is told.

    Args:
        path: the path.
        lengths: how long those are that matter: a key can be all dots, and have as many paths above it.
    """
    ends = [match.start() for match in _STEP.finditer(path)]
    above = [path, *(path[:end] for end in ends if end in lengths)]
    in_providers = path.startswith(_PROVIDERS) and len(ends) > 1
    return [*above, path[len(_PROVIDERS) : ends[1]]] if in_providers else above


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
