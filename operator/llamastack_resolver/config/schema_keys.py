"""Which keys a config class understands, read from its JSON schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 12


def schema_keys(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the dotted paths of every key that a class and the classes inside it have; items of lists are `[]`."""
    return frozenset(_keys(schema, schema.get("$defs") or {}, "", frozenset(), _MAX_DEPTH))


def _keys(
    schema: Mapping[str, Any], defs: Mapping[str, Any], path: str, inside: frozenset[str], depth: int
) -> Iterator[str]:
    if not depth:
        return
    reference = str(schema.get("$ref") or "").rpartition("/")[2]
    if reference and reference not in inside:
        yield from _keys(defs.get(reference) or {}, defs, path, inside | {reference}, depth - 1)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _keys(branch, defs, path, inside, depth - 1)
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _keys(items, defs, f"{path}[]", inside, depth - 1)
    for key, item in (schema.get("properties") or {}).items():
        for name in item.get("x-names") or [key]:
            below = f"{path}.{name}" if path else name
            yield below
            yield from _keys(item, defs, below, inside, depth - 1)
