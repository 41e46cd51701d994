"""Checks a value against a release's JSON schema as pydantic would, collecting every mistake.

A plain JSON schema validator rejects a fifth of the releases' own configs. This one knows lax coercion,
values that are not known here, discriminated unions, and which fields have validators of their own
(`x-validators`): what it says about those is a warning, since the validator may accept more than the schema
tells.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llamastack_resolver.config.coerce import coerce_scalar
from llamastack_resolver.config.env import Unknown
from llamastack_resolver.suggest import did_you_mean

Schema = Mapping[str, Any]
Handler = Callable[[Any, Mapping[str, Any], str, int], "list[Issue]"]
MAX_DEPTH = 60
MAX_CHECKERS = 512
_LOOSENING = frozenset({"before", "wrap", "plain"})
_TEXT_RULES = frozenset({"format", "minLength", "maxLength", "pattern"})
_NUMBER_RULES: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
    ("minimum", operator.ge, "at least"),
    ("maximum", operator.le, "at most"),
    ("exclusiveMinimum", operator.gt, "greater than"),
    ("exclusiveMaximum", operator.lt, "less than"),
)


@dataclass(frozen=True)
class Issue:
    """One disagreement between a value and its schema.

    Attributes:
        path: where, relative to the value that was checked.
        message: what is wrong.
        hint: what to do, if that is known.
        soft: a validator of the release may accept the value all the same.
        unknown_key: the value has a key that the release ignores; `path` ends in it.
        refused_key: the value has a key that the release does not know and refuses; `path` ends in it.
        missing: a required key is not there; `path` ends in it.
    """

    path: str
    message: str
    hint: str | None = None
    soft: bool = False
    unknown_key: bool = False
    refused_key: bool = False
    missing: bool = False

    @property
    def cure(self) -> str:
        """What to do: the hint, else what goes for every issue of its kind."""
        return self.hint or ("remove it, or correct its name" if self.unknown_key else "write what is expected there")


def check(value: Any, schema: Schema) -> list[Issue]:
    """Return every issue of a value; an empty list means that the release accepts it."""
    return _checker(schema).check(value, schema, "", 0)


def join(path: str, key: object) -> str:
    """Return the field path of a key or index below `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _checker(schema: Schema) -> _Checker:
    """Return the checker of a schema. The files of one release are checked against the same few schemas."""
    kept = _CHECKERS.get(id(schema))
    # The checker holds its schema, so that the id of one that is kept cannot be used again.
    if kept is None or kept.schema is not schema:
        if len(_CHECKERS) >= MAX_CHECKERS:
            _CHECKERS.clear()
        kept = _CHECKERS[id(schema)] = _Checker(schema)
    return kept


class _Checker:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._defs: Mapping[str, Schema] = schema.get("$defs") or {}
        # By the id of a part of the schema, which lives as long as the schema.
        self._handlers: dict[int, Handler] = {}
        self._keys: dict[int, dict[str, str]] = {}

    def check(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        if isinstance(value, Unknown) or depth > MAX_DEPTH:
            return []
        handler = self._handlers.get(id(schema))
        if handler is None:
            handler = self._handlers[id(schema)] = self._handler(schema)
        issues = handler(value, schema, path, depth)
        if issues and _LOOSENING.intersection(schema.get("x-validators") or ()):
            return [issue if issue.unknown_key else replace(issue, soft=True) for issue in issues]
        return issues

    def _handler(self, schema: Schema) -> Handler:
        """Choose how a part of a schema is checked, once for all values."""
        for keyword, handler in (
            ("$ref", self._reference),
            ("allOf", self._all),
            ("discriminator", self._discriminated),
        ):
            if keyword in schema:
                return handler
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return partial(self._union, branches)
        if "const" in schema or "enum" in schema:
            return self._choice
        return self._typed(schema)

    def _typed(self, schema: Schema) -> Handler:
        kind = schema.get("type")
        if kind is None:
            return self._object if "properties" in schema else _anything
        if isinstance(kind, list):
            return partial(self._union, [{**schema, "type": one} for one in kind])
        if kind == "string" and not _TEXT_RULES.intersection(schema):
            return _text
        handlers: dict[str, Handler] = {"null": _nothing, "object": self._object, "array": self._array}
        return handlers.get(str(kind), _scalar)

    def _reference(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        return self._referred(value, schema["$ref"], path, depth)

    def _all(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        return [issue for part in schema["allOf"] for issue in self.check(value, part, path, depth + 1)]

    def _referred(self, value: Any, reference: object, path: str, depth: int) -> list[Issue]:
        target = self._defs.get(str(reference).rsplit("/", 1)[-1])
        return self.check(value, target, path, depth + 1) if target is not None else []

    def _discriminated(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        if not isinstance(value, dict):
            return [Issue(path, f"expected a mapping, found {describe(value)}")]
        name = schema["discriminator"]["propertyName"]
        mapping = schema["discriminator"].get("mapping") or {}
        if name not in value:
            return [Issue(join(path, name), f"`{name}` is required", f"one of: {_names(mapping)}", missing=True)]
        tag = value[name]
        if isinstance(tag, Unknown):
            return []
        if not isinstance(tag, str) or tag not in mapping:
            hint = did_you_mean(str(tag), mapping) or f"one of: {_names(mapping)}"
            return [Issue(join(path, name), f"`{name}` is {describe(tag)}, which does not exist", hint)]
        return self._referred(value, mapping[tag], path, depth + 1)

    def _union(self, branches: list[Schema], value: Any, _: Schema, path: str, depth: int) -> list[Issue]:
        results = []
        for branch in branches:
            results.append(self.check(value, branch, path, depth + 1))
            if not results[-1]:
                return []
        clean = [result for result in results if all(issue.unknown_key for issue in result)]
        if clean:
            return min(clean, key=len)
        soft = [result for result in results if all(issue.soft or issue.unknown_key for issue in result)]
        if soft:
            return soft[0]
        tried = [
            (branch, result)
            for branch, result in zip(branches, results, strict=True)
            if branch.get("type") != "null" or value is None
        ]
        inside = [result for _, result in tried if any(issue.path != path for issue in result)]
        if inside:
            return min(inside, key=lambda result: sum(not issue.unknown_key for issue in result))
        if len(tried) == 1:
            return tried[0][1]
        expected = " or ".join(dict.fromkeys(self._expected(branch) for branch in branches))
        return [Issue(path, f"expected {expected}, found {describe(value)}")]

    def _expected(self, schema: Schema) -> str:
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            return self._expected(self._defs.get(name, {}))
        if "const" in schema:
            return repr(schema["const"])
        if "enum" in schema:
            return f"one of {_names(schema['enum'])}"
        return _TYPE_NAMES.get(str(schema.get("type")), "another value")

    def _choice(self, value: Any, schema: Schema, path: str, _: int) -> list[Issue]:
        choices = [schema["const"]] if "const" in schema else list(schema["enum"])
        if any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in choices):
            return []
        if schema.get("type") in ("integer", "number"):
            accepted, number = coerce_scalar(value, schema["type"])
            if accepted and number in choices:
                return []
        hint = did_you_mean(str(value), map(str, choices)) or f"one of: {_names(choices)}"
        return [Issue(path, f"{describe(value)} is not allowed here", hint)]

    def _array(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        if not isinstance(value, (list, tuple, set)):
            return [Issue(path, f"expected a list, found {describe(value)}")]
        items = list(value)
        issues = []
        if len(items) < schema.get("minItems", 0):
            issues.append(Issue(path, f"at least {schema['minItems']} items are required, found {len(items)}"))
        if len(items) > schema.get("maxItems", len(items)):
            issues.append(Issue(path, f"at most {schema['maxItems']} items are allowed, found {len(items)}"))
        prefix = schema.get("prefixItems") or []
        for index, item in enumerate(items):
            item_schema = prefix[index] if index < len(prefix) else schema.get("items")
            if isinstance(item_schema, Mapping):
                issues += self.check(item, item_schema, join(path, index), depth + 1)
        return issues

    def _object(self, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        if not isinstance(value, dict):
            return [Issue(path, f"expected a mapping, found {describe(value)}")]
        properties = schema.get("properties") or {}
        by_name = self._keys.get(id(schema))
        if by_name is None:
            by_name = {name: key for key, item in properties.items() for name in (item.get("x-names") or [key])}
            self._keys[id(schema)] = by_name
        given = {by_name[key] for key in value if isinstance(key, str) and key in by_name}
        issues = [
            Issue(join(path, key), f"`{key}` is required, and missing", f"add `{key}`", missing=True)
            for key in schema.get("required") or ()
            if key not in given
        ]
        for key, item in value.items():
            if isinstance(key, str) and key in by_name:
                issues += self.check(item, properties[by_name[key]], join(path, key), depth + 1)
            else:
                issues += self._extra(key, item, schema, path, depth)
        return issues

    def _extra(self, key: Any, value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
        extra = schema.get("additionalProperties")
        # A class without a field has properties, and ignores every key; a mapping has none.
        names = (schema.get("properties") or {}).keys()
        where = f"{path}.{key}" if path else str(key)
        if isinstance(extra, Mapping):
            return self.check(value, extra, where, depth + 1)
        if extra is True or schema.get("x-extra") == "allow" or "properties" not in schema:
            return []
        hint = did_you_mean(str(key), names)
        if extra is False or schema.get("x-extra") == "forbid":
            return [Issue(where, f"`{key}` is not allowed here", hint, refused_key=True)]
        return [Issue(where, f"`{key}` is not known here, and is ignored", hint, unknown_key=True)]


def _scalar(value: Any, schema: Schema, path: str, _: int) -> list[Issue]:
    kind = str(schema["type"])
    accepted, coerced = coerce_scalar(value, kind, schema.get("format"))
    if not accepted:
        return [_wrong_type(value, kind, schema.get("format"), path)]
    if isinstance(coerced, (int, float)):
        return [
            Issue(path, f"{coerced} is out of range: {words} {schema[rule]} is required")
            for rule, holds, words in _NUMBER_RULES
            if rule in schema and not holds(coerced, schema[rule])
        ]
    return _text_issues(coerced, schema, path) if isinstance(coerced, str) else []


def _text(value: Any, schema: Schema, path: str, depth: int) -> list[Issue]:
    """Check text that has no rule but its type: the commonest of all."""
    return [] if isinstance(value, str) else _scalar(value, schema, path, depth)


def _nothing(value: Any, _schema: Schema, path: str, _depth: int) -> list[Issue]:
    return [] if value is None else [Issue(path, f"expected nothing (null), found {describe(value)}")]


def _anything(_value: Any, _schema: Schema, _path: str, _depth: int) -> list[Issue]:
    return []


_CHECKERS: dict[int, _Checker] = {}
_TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def describe(value: Any) -> str:
    """Return a value in words for a message, never in full where it could be long or secret."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}" if len(str(value)) < 40 else "a long number"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else "a text"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple, set)) else f"a {type(value).__name__}"


def _wrong_type(value: Any, kind: str, fmt: str | None, path: str) -> Issue:
    secret = fmt == "password"
    found = f"a value of type {type(value).__name__}" if secret else describe(value)
    hint = None
    if kind == "string" and isinstance(value, (int, float)):
        hint = "quote it; the release turns a ${env.X} that looks like a number or boolean into one"
    expected = _TYPE_NAMES[kind] + (f" of the form {fmt}" if fmt and not secret else "")
    return Issue(path, f"expected {expected}, found {found}", hint)


def _text_issues(value: str, schema: Schema, path: str) -> list[Issue]:
    issues = []
    if len(value) < schema.get("minLength", 0):
        issues.append(Issue(path, f"at least {schema['minLength']} characters are required"))
    if len(value) > schema.get("maxLength", len(value)):
        issues.append(Issue(path, f"at most {schema['maxLength']} characters are allowed"))
    if "pattern" in schema and not _matches(schema["pattern"], value):
        issues.append(Issue(path, f"{describe(value)} does not match {schema['pattern']}"))
    return issues


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _names(choices: Any) -> str:
    names = [str(choice) for choice in choices]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
