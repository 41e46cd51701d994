"""Configs of every provider of a release, made from its schemas: right ones, and ones with a single mistake."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.config.schema_keys import schema_keys
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.moved_keys import key_spans, renames
from llamastack_resolver.providers.needed_stores import missing_stores

Config = dict[str, Any]
FORMATS = {"uri": "http://127.0.0.1/v1", "path": "/tmp", "file-path": "/etc/hosts", "date-time": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Case:
    """A config of a provider.

    Attributes:
        spec: the provider.
        config: its config.
        key: what was dropped or renamed; None where it has all that it needs.
        foreign: the key of another release that was put into it, with dots.
    """

    spec: ProviderSpec
    config: Config
    key: str | None = None
    foreign: str | None = None

    @property
    def name(self) -> str:
        return f"{self.spec.api} {self.spec.provider_type} {self.key}"

    @property
    def without_foreign(self) -> Config:
        """The config but for the key of another release."""
        changed = copy.deepcopy(self.config)
        if self.foreign:
            path = self.foreign.split(".")
            _parent(changed, path).pop(path[-1])
        return changed


class Examples:
    """Makes right values for the parts of a schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._defs = schema.get("$defs") or {}

    def all(self, schema: Mapping[str, Any], depth: int = 0) -> Iterator[Any]:
        """Yield right values: each alternative of it once, each optional section once, else what is required."""
        if "$ref" in schema:
            yield from self.all(self._defs[schema["$ref"].rpartition("/")[2]], depth + 1)
        elif schema.get("anyOf") or schema.get("oneOf"):
            for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
                if branch.get("type") != "null" and depth < 8:
                    yield from self.all(branch, depth + 1)
        elif schema.get("properties"):
            yield from self._objects(schema, depth)
        else:
            yield self._plain(schema)

    def one(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        return next(self.all(schema, depth))

    def _objects(self, schema: Mapping[str, Any], depth: int) -> Iterator[Config]:
        properties = schema["properties"]
        required = {key: self.one(properties[key], depth + 1) for key in schema.get("required", ())}
        if discriminating := next((k for k, v in properties.items() if "const" in v), None):
            required[discriminating] = properties[discriminating]["const"]
        yield required
        for key, item in properties.items():
            for value in self.all(item, depth + 1):
                if isinstance(value, dict) and value and value != required.get(key):
                    yield {**required, key: value}

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        if "const" in schema or "enum" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        kind = schema.get("type")
        if kind == "string":
            return FORMATS.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
        if kind in ("integer", "number"):
            return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        return {"boolean": True, "array": [], "object": {}}.get(str(kind), "x")


def right_configs(knowledge: ReleaseKnowledge) -> Iterator[Case]:
    """Yield configs that the schema of their provider says are right."""
    for types in knowledge.providers.values():
        for spec in types.values():
            schema = knowledge.schemas.get(spec.config_class or "")
            if schema is not None:
                needed = _needed_stores(spec, schema, knowledge)
                for config in Examples(schema).all({**schema, "required": [*schema.get("required", ()), *needed]}):
                    yield Case(spec, config)


def _needed_stores(spec: ProviderSpec, schema: Mapping[str, Any], knowledge: ReleaseKnowledge) -> list[str]:
    """Return the stores without which a provider does not start, by our own knowledge: the release holds it right in
    both directions."""
    return [issue.path for issue in missing_stores(spec, {}, schema, knowledge)]


def without_a_required_key(case: Case, knowledge: ReleaseKnowledge) -> Iterator[Case]:
    """Yield the config without each of the keys that it needs."""
    schema = knowledge.schemas[case.spec.config_class or ""]
    for path in _needed_stores(case.spec, schema, knowledge):
        changed = {key: value for key, value in case.config.items() if key != path}
        yield Case(case.spec, changed, f"without {path}")
    for path in _required(schema, case.config, schema.get("$defs") or {}, ()):
        changed = copy.deepcopy(case.config)
        _parent(changed, path).pop(path[-1])
        yield Case(case.spec, changed, f"without {'.'.join(path)}")


def renamed(case: Case, knowledge: ReleaseKnowledge) -> Iterator[Case]:
    """Yield the config with each key under the name that it has in older and in newer releases, and with each key
    that only other releases know."""
    spec, schema = case.spec, knowledge.schemas[case.spec.config_class or ""]
    known = schema_keys(schema)
    spans = key_spans(spec.api, spec.provider_type)
    for old, new in renames(spec.provider_type, spans):
        for own, other in ((new, old), (old, new)):
            if own in known and other not in known:
                changed = copy.deepcopy(case.config)
                _parent(changed, own.split(".")).pop(own.split(".")[-1], None)
                _put(changed, other, schema)
                yield Case(spec, changed, f"{own} as {other}", other)
    for key in dict.fromkeys(span.key for span in spans if span.key not in known):
        changed = copy.deepcopy(case.config)
        _put(changed, key, schema)
        yield Case(spec, changed, f"with {key}", key)


def _put(config: Config, key: str, schema: Mapping[str, Any]) -> None:
    """Set a key that the class does not know; sections around it have what they need."""
    *sections, name = key.split(".")
    examples, part, node = Examples(schema), config, schema
    for section in sections:
        node = _resolved((node.get("properties") or {}).get(section, {}), schema)
        value = part.get(section)
        if not isinstance(value, dict):
            made = examples.one(node) if node.get("properties") else {}
            value = part[section] = made
        part = value
    part[name] = "x"


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    branches = [b for b in (*node.get("anyOf", ()), *node.get("oneOf", ())) if b.get("type") != "null"]
    node = branches[0] if branches else node
    reference = str(node.get("$ref") or "").rpartition("/")[2]
    return (schema.get("$defs") or {}).get(reference, node)


def _parent(config: Config, path: Any) -> Config:
    for part in path[:-1]:
        config = config.get(part) or {}
    return config


def _required(node: Mapping[str, Any], value: Any, defs: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    if "discriminator" in node:
        tag = node["discriminator"]["propertyName"]
        yield (*path, tag)
        node = {"$ref": node["discriminator"]["mapping"][value[tag]]}
    if "$ref" in node:
        node = defs[node["$ref"].rpartition("/")[2]]
    branches = [b for b in (*node.get("anyOf", ()), *node.get("oneOf", ())) if b.get("type") != "null"]
    if len(branches) == 1:
        yield from _required(branches[0], value, defs, path)
    for key, item in (node.get("properties") or {}).items():
        if key in value:
            if key in node.get("required", ()):
                yield (*path, key)
            yield from _required(item, value[key], defs, (*path, key))
