"""Turns pydantic's JSON schema into a structural schema as CustomResourceDefinitions need it.

Kubernetes admits no `$ref`, no `title`, no `anyOf` with types, and wants each node typed
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_DROPPED = {"title", "$defs", "default", "additionalProperties"}


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the structural OpenAPI v3 schema of a model, under the names of the wire."""
    schema = model.model_json_schema(by_alias=True)
    return _node(schema, schema.get("$defs", {}))


def _node(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _resolved(schema, definitions)
    if schema.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in schema.items() if key not in {*_DROPPED, "type"}}
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "properties" in node:
        node["properties"] = {name: _node(part, definitions) for name, part in node["properties"].items()}
    if "items" in node:
        node["items"] = _node(node["items"], definitions)
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and not node.get("x-kubernetes-preserve-unknown-fields"):
        node["additionalProperties"] = _node(values, definitions)
    if "enum" in node:
        node.setdefault("type", "string")
    return node


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref` and drop the null branch of an optional field; what stands beside it wins."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _resolved({**target, **beside}, definitions)
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    if schema.get("x-kubernetes-int-or-string") or len(branches) != 1:
        return schema
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return _resolved({**_resolved(branches[0], definitions), **beside}, definitions)
