"""Makes the catalog's `outlines.json`: what tells the releases from each other, small enough to be read for one config.

`python -m llamastack_operator.catalog.outline DIRECTORY [--check]`. Which release a run config is for is concluded
from the schemas of all releases. To read those would take longer than to check the config, so what they know of keys
is read here, once; equal things are written once. The shape is described in `llamastack_resolver.documents.signs`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from llamastack_operator.api.generated import write_or_check
from llamastack_operator.catalog.reader import read_core, read_shared, releases

NAME = "outlines.json"
DEPTH = 6
"""How many levels of keys are told apart; below, keys are not judged."""
RULES = ("apis", "providable_apis", "routed", "bundled_top_level_keys")
"""What a verdict depends on of a release's own data, beside its schemas and specs."""


class Places:
    """Numbers values in the order in which they come; equal ones get the same number."""

    def __init__(self) -> None:
        """Start with none."""
        self._places: dict[str, int] = {}

    def of(self, value: object) -> int:
        """Return the place of a value that JSON can hold."""
        return self._places.setdefault(json.dumps(value, sort_keys=True), len(self._places))

    @property
    def values(self) -> list[Any]:
        """The values in order."""
        return [json.loads(text) for text in self._places]


class SchemaKeys:
    """Reads what schemas know of keys."""

    def __init__(self) -> None:
        """Start with the place where keys are not judged."""
        self._places = Places()
        self._open = self._places.of(None)

    @property
    def values(self) -> list[Any]:
        """What stands at each place, in the JSON shape."""
        return self._places.values

    def of(self, schema: Mapping[str, Any]) -> int:
        """Return the place of what a schema knows."""
        return self._of([schema], schema.get("$defs") or {}, DEPTH)

    def _of(self, branches: Iterable[Mapping[str, Any]], defs: Mapping[str, Any], depth: int) -> int:
        """Return the place of what any of the branches of a schema knows."""
        objects = [one for branch in branches for one in objects_of(branch, defs, depth)] if depth else []
        if not objects or any(takes_anything(schema) for schema in objects):
            return self._open
        names: dict[str, list[Mapping[str, Any]]] = {}
        others: list[Mapping[str, Any]] = []
        for schema in objects:
            if isinstance(schema.get("additionalProperties"), dict):
                others.append(schema["additionalProperties"])
            for name, below in (schema.get("properties") or {}).items():
                for written in below.get("x-names") or (name,):
                    names.setdefault(written, []).append(below)
        known = {name: self._of(below, defs, depth - 1) for name, below in names.items()}
        return self._places.of([known, self._of(others, defs, depth - 1)] if others else [known])


def takes_anything(schema: Mapping[str, Any]) -> bool:
    """Whether keys are not judged in a mapping of a schema."""
    extra = schema.get("additionalProperties")
    return schema.get("x-extra") == "allow" or extra is True or not (schema.get("properties") or extra)


def objects_of(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Return the schemas of the mappings that a schema takes, those in a list included."""
    if "$ref" in schema and depth:
        yield from objects_of(defs.get(str(schema["$ref"]).rsplit("/", 1)[-1]) or {}, defs, depth - 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword) or ():
            yield from objects_of(branch, defs, depth)
    if isinstance(schema.get("items"), dict):
        yield from objects_of(schema["items"], defs, depth)
    if schema.get("type") == "object" or "properties" in schema:
        yield schema


def outline(cores: Mapping[str, Mapping[str, Any]], schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what tells releases from each other, in the JSON shape.

    Args:
        cores: the releases' own data by name, oldest first.
        schemas: the schemas that they name, by hash.
    """
    keys, apis, rules = SchemaKeys(), Places(), Places()
    places = {digest: keys.of(schema) for digest, schema in schemas.items()}
    rows = []
    for name, core in cores.items():
        schema = core["schemas"][core["run_config_class"]]
        own = rules.of([schema, *(core.get(rule) for rule in RULES)])
        rows.append([name, places[schema], apis.of(sorted(core["apis"])), own])
    provided = [(api, name) for core in cores.values() for api, own in core["providers"].items() for name in own]
    types: dict[str, dict[str, list[list[int]]]] = {}
    for api, name in sorted(set(provided)):
        types.setdefault(api, {})[name] = _runs(api, name, cores.values(), places)
    return {"keys": keys.values, "apis": apis.values, "releases": rows, "types": types}


def _runs(api: str, name: str, cores: Iterable[Mapping[str, Any]], places: Mapping[str, int]) -> list[list[int]]:
    """Return the runs of releases in which a provider type is the same."""
    variants = Places()
    row: list[list[int]] = []
    for core in cores:
        spec = core["providers"].get(api, {}).get(name)
        schema = core["schemas"].get(spec.get("config_class") or "") if spec is not None else None
        keys = [places[schema]] if schema is not None else []
        row.append([variants.of([spec, schema]), *keys] if spec is not None else [])
    return [[len(list(alike)), *known] for known, alike in groupby(row)]


def text() -> str:
    """Return the file, a line for each value."""
    cores = {f"{release.package}-{release.version}": read_core(release) for release in releases()}
    digests = sorted({digest for core in cores.values() for digest in core["schemas"].values()})
    data = outline(cores, {digest: read_shared(digest) for digest in digests})
    types = [f"{json.dumps(api)}: {_lines(types)}" for api, types in data["types"].items()]
    lists = [f"{json.dumps(name)}: {_lines(data[name])}" for name in ("keys", "apis", "releases")]
    return "{" + ",\n".join([*lists, '"types": {' + ",\n".join(types) + "}"]) + "}\n"


def _lines(values: Mapping[str, Any] | list[Any]) -> str:
    if isinstance(values, list):
        return "[\n" + ",\n".join(_line(one) for one in values) + "]"
    return "{\n" + ",\n".join(f"{_line(name)}: {_line(one)}" for name, one in values.items()) + "}"


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main(arguments: list[str] | None = None) -> int:
    """Write the file into a directory, or tell whether it is up to date."""
    return write_or_check(NAME, text(), arguments)


if __name__ == "__main__":
    sys.exit(main())
