"""Makes values that a schema of the CRD admits: what the API server lets through to the operator."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ITEMS = 2
"""Most items of a generated list or mapping."""


def admitted(schema: dict[str, Any], path: str, chosen: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a schema.

    Args:
        schema: a structural schema.
        path: the path of the field that it is of.
        chosen: strategies for some fields by their path, in the place of what the schema says.
    """
    if path in chosen:
        return chosen[path]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.integers(0, 100) | st.from_regex(schema["pattern"], fullmatch=True, alphabet=ASCII).filter(
            _fits(schema)
        )
    return _BY_TYPE[schema["type"]](schema, path, chosen)


ASCII = st.characters(min_codepoint=33, max_codepoint=126)


def _fits(schema: dict[str, Any]) -> Any:
    return lambda text: schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 8)


def _text(schema: dict[str, Any], path: str, chosen: Any) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True, alphabet=ASCII).filter(_fits(schema))
    return st.text(ASCII, min_size=schema.get("minLength", 0), max_size=min(8, schema.get("maxLength", 8)))


def _whole(schema: dict[str, Any], path: str, chosen: Any) -> st.SearchStrategy[int]:
    return st.integers(schema.get("minimum"), schema.get("maximum"))


def _list(schema: dict[str, Any], path: str, chosen: Any) -> st.SearchStrategy[list[Any]]:
    keys = schema.get("x-kubernetes-list-map-keys")
    return st.lists(
        admitted(schema["items"], f"{path}[]", chosen),
        min_size=schema.get("minItems", 0),
        max_size=ITEMS,
        unique_by=(lambda item: tuple(item[key] for key in keys)) if keys else None,
    )


def _object(schema: dict[str, Any], path: str, chosen: Any) -> st.SearchStrategy[dict[str, Any]]:
    if "additionalProperties" in schema:
        values = admitted(schema["additionalProperties"], f"{path}.*", chosen)
        return st.dictionaries(st.text(ASCII, min_size=1, max_size=8), values, max_size=ITEMS)
    parts = {name: admitted(part, f"{path}.{name}", chosen) for name, part in schema["properties"].items()}
    required = {name: part for name, part in parts.items() if name in schema.get("required", [])}
    optional = {name: part for name, part in parts.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


_BY_TYPE = {
    "string": _text,
    "integer": _whole,
    "boolean": lambda schema, path, chosen: st.booleans(),
    "array": _list,
    "object": _object,
}
