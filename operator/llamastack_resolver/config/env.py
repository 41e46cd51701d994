"""Replaces `${env.X}` as a release does it, and says which variables are missing.

The releases differ in three ways, all of them in Behaviour. A variable is set, unset, or unknown: it may be either.
Values that are not known here (they come from a Secret, or the config is checked away from its cluster) become
UNKNOWN, which fits every type: the checks that follow neither guess nor complain about it. An item that a variable may
switch off is kept, with the condition under which it counts, and what is in it is read as where that condition holds.

Upstream: `replace_env_vars` in `core/stack.py`.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.condition import Condition
from llamastack_resolver.config.near_reference import NearReference, near_reference, nested_reference
from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason

REFERENCE = "${env."
PATTERN = re.compile(r"\${env\.([A-Z0-9_]+)(?::([=+])([^}]*+))?(?:}|\Z)")
"""A reference. What begins as one and is never closed is found too, as one match to the end, for the sake of time."""
MAX_LENGTH = 64 * 1024
"""Most characters of a text with references."""
DISABLED = "__disabled__"


class Unknown:
    """A value that exists but is not known here."""

    def __repr__(self) -> str:
        return "<set outside>"


UNKNOWN = Unknown()


class Conditional(Unknown):
    """A value that may be empty, such as `${env.X:+value}` and `${env.X:=}`: it is there where X is set.

    Attributes:
        value: what it is where it is there; UNKNOWN where it is the variable's own value.
        condition: when that is.
    """

    def __init__(self, value: Any, condition: Condition) -> None:
        self.value = value
        self.condition = condition


State = Literal["set", "unset", "unknown"]


@dataclass(frozen=True)
class Environment:
    """The variables a server will see.

    Attributes:
        values: variables with known values.
        opaque: names of variables that are set, with values that are not known (from a Secret).
        others: what holds for every other name: `unset`, or `unknown` where the environment is not known at
            all.
        unknown: names of variables that may be set or not (from an optional key of a Secret).
    """

    values: Mapping[str, str] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    others: Literal["unset", "unknown"] = "unset"
    unknown: frozenset[str] = frozenset()

    def state(self, name: str) -> State:
        """Return whether a variable is set. One with an empty value counts as unset, as releases have it."""
        if name in self.opaque:
            return "set"
        if name in self.unknown:
            return "unknown"
        if name in self.values:
            return "set" if self.values[name] else "unset"
        return self.others

    def known(self, name: str) -> str | None:
        """Return the value of a variable that is set, None where it is not known."""
        return None if name in self.opaque or name in self.unknown else self.values.get(name)


@dataclass
class Substitution:
    """The outcome of a substitution.

    Attributes:
        value: the config with every reference replaced; UNKNOWN where the value is not known or missing.
        missing: path and name of each variable that has to be set and is not.
        dropped: paths of list items that the release leaves out (disabled providers, resources without an
            id).
        references: names of all variables that occur.
        too_long: path and length of each text with references that is too long to be looked through; its value is
            UNKNOWN.
        conditions: of the places that may count or not, by path.
        near: what looks like a reference and is none, by path.
    """

    value: Any
    missing: list[tuple[str, str]]
    dropped: list[str]
    references: set[str]
    too_long: list[tuple[str, int]] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    near: dict[str, NearReference] = field(default_factory=dict)

    def report(self, findings: Findings) -> None:
        """Add one error for each missing variable, with the path where it is used, and for what is too long."""
        self.report_lengths(findings)
        for path, name in self.missing:
            findings.error(
                ConfigReason.MISSING_ENV,
                f"environment variable {name} is not set",
                path,
                hint=f"set {name} for the server, or give a default: ${{env.{name}:=value}}",
            )

    def report_lengths(self, findings: Findings) -> None:
        """Add one error for each text that is too long."""
        for path, length in self.too_long:
            message = f"a text with ${{env.X}} in it has at most {MAX_LENGTH} characters, and this one has {length}"
            hint = "keep long texts without references, or in a file of their own"
            findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint=hint)


def substitute(
    config: Any,
    environment: Environment,
    behaviour: Behaviour,
    expand_user: Callable[[str], str] = os.path.expanduser,
) -> Substitution:
    """Replace every reference in a config.

    Args:
        config: plain values as YAML gives them.
        environment: the variables of the server.
        behaviour: the release's ways.
        expand_user: what replaces a leading `~` in substituted values.
    """
    return _Substituter(environment, behaviour, expand_user).run(config)


class _Missing(Exception):  # noqa: N818
    pass


_Off = bool | tuple[str, ...]
"""Whether a value switches its place off; where that is not known, the variables of which one has to be set."""


class _Substituter:
    def __init__(self, environment: Environment, behaviour: Behaviour, expand_user: Callable[[str], str]) -> None:
        self._environment = environment
        self._behaviour = behaviour
        self._expand_user = expand_user
        self._guess: State | None = None
        self._result = Substitution(None, [], [], set())

    def run(self, config: Any) -> Substitution:
        self._result.value = self._value(config, "", [])
        return self._result

    def _value(self, value: Any, path: str, missing: list[tuple[str, str]] | None) -> Any:
        """Replace in one value; `missing` None is a look ahead, whose misses are not reported."""
        if isinstance(value, dict):
            return self._mapping(value, path, missing)
        if isinstance(value, list):
            return self._list(value, path, missing)
        if isinstance(value, str):
            return self._string(value, path, missing)
        return value

    def _mapping(self, value: dict[Any, Any], path: str, missing: list[tuple[str, str]] | None) -> dict[Any, Any]:
        if not self._behaviour.optional_auth or path != "server.auth":
            return {key: self._value(item, _join(path, key), missing) for key, item in value.items()}
        off = self._auth_is_off(value)
        result: dict[Any, Any] = {}
        for key, item in value.items():
            place = _join(path, key)
            if key == "provider_config" and off is True:
                result[key] = None
            elif key == "provider_config" and isinstance(off, tuple):
                result[key] = self._conditional(item, place, Condition((off,), removes=True), missing)
            else:
                result[key] = self._value(item, place, missing)
        return result

    def _auth_is_off(self, auth: dict[Any, Any]) -> _Off:
        provider = auth.get("provider_config")
        return isinstance(provider, dict) and "type" in provider and self._off(provider["type"], (None, ""))

    def _list(self, value: list[Any], path: str, missing: list[tuple[str, str]] | None) -> list[Any]:
        result = []
        for index, item in enumerate(value):
            item_path = f"{path}[{index}]"
            removed = self._is_removed(item) if isinstance(item, dict) else False
            if removed is True:
                self._result.dropped.append(item_path)
                continue
            condition = removed or (self._is_skipped(item) if path.startswith("providers.") else None)
            if condition:
                result.append(self._conditional(item, item_path, condition, missing))
            else:
                result.append(self._value(item, item_path, missing))
        return result

    def _is_removed(self, item: dict[Any, Any]) -> bool | Condition:
        """Tell whether the release removes an item, or on what that depends."""
        clauses: list[tuple[str, ...]] = []
        ids = ((name, (None, "")) for name in self._behaviour.resource_ids)
        for name, empty in (("provider_id", (DISABLED,)), *ids):
            off = name in item and self._off(item[name], empty)
            if off is True:
                return True
            if isinstance(off, tuple):
                clauses.append(off)
        return Condition(tuple(dict.fromkeys(clauses)), removes=True) if clauses else False

    def _is_skipped(self, entry: Any) -> Condition | None:
        """Return on what it depends that a provider entry has an id."""
        off = isinstance(entry, dict) and self._off(entry.get("provider_id"), (None, "", DISABLED))
        return None if isinstance(off, bool) else Condition((off,))

    def _conditional(self, value: Any, path: str, condition: Condition, missing: list[tuple[str, str]] | None) -> Any:
        """Replace in a value that may count or not: as where it does."""
        if missing is not None:
            self._result.conditions[path] = condition
        outside = self._environment
        self._environment = replace(outside, opaque=outside.opaque | condition.certain)
        try:
            return self._value(value, path, missing)
        finally:
            self._environment = outside

    def _off(self, value: Any, empty: tuple[Any, ...]) -> _Off:
        """Tell whether a value comes out as one of `empty`, or which variables keep it from that."""
        if not isinstance(value, str) or REFERENCE not in value:
            return self._peek(value) in empty
        with self._guessing("unset"):
            if self._peek(value) not in empty:
                return False
        with self._guessing("set"):
            if self._peek(value) in empty:
                return True
        names = dict.fromkeys(match[1] for match in PATTERN.finditer(value) if match[0].endswith("}"))
        return tuple(name for name in names if self._environment.state(name) == "unknown")

    @contextmanager
    def _guessing(self, state: State) -> Iterator[None]:
        """Take the variables of which nothing is known to be all set, or all unset."""
        self._guess = state
        try:
            yield
        finally:
            self._guess = None

    def _peek(self, value: Any) -> Any:
        try:
            return self._value(value, "", None)
        except _Missing:
            return UNKNOWN

    def _string(self, text: str, path: str, missing: list[tuple[str, str]] | None) -> Any:
        if missing is not None and ("$" in text or "{{" in text) and len(text) <= MAX_LENGTH:
            self._note_near(text, path)
        if REFERENCE not in text:
            return convert(text) if self._behaviour.converts_every_string else text
        if len(text) <= MAX_LENGTH:
            return self._replaced(text, path, missing)
        if missing is not None:
            self._result.too_long.append((path, len(text)))
        return UNKNOWN

    def _replaced(self, text: str, path: str, missing: list[tuple[str, str]] | None) -> Any:
        unknown: list[Unknown] = []

        def replacement(match: re.Match[str]) -> str:
            if not match[0].endswith("}"):
                return match[0]
            name, operator, word = match.group(1), match.group(2), match.group(3)
            self._result.references.add(name)
            value = self._lookup(name, operator, word)
            if isinstance(value, Unknown):
                unknown.append(value)
                return ""
            if value is None:
                if missing is None:
                    raise _Missing
                self._result.missing.append((path, name))
                unknown.append(UNKNOWN)
                return ""
            return value

        result = PATTERN.sub(replacement, text)
        if unknown:
            return _together(unknown, result)
        if self._behaviour.converts_every_string or result != text:
            return convert(result)
        return result

    def _lookup(self, name: str, operator: str | None, word: str | None) -> str | Unknown | None:
        """Return what a reference becomes; None where its variable has to be set and is not."""
        state = self._environment.state(name)
        if state == "unknown" and self._guess:
            state = self._guess
        if operator == "+":
            there = self._expand_user(word) if word else ""
            if state == "unknown" and there:
                return Conditional(convert(there), Condition(((name,),)))
            return there if state == "set" else ""
        value = self._environment.known(name)
        if state == "set":
            return self._expand_user(value) if value else UNKNOWN
        if operator == "=" and (word or state == "unset"):
            return self._expand_user(word) if word else ""
        if operator == "=" and state == "unknown":
            # An empty default asks for a value; where the environment is not known, there may be one.
            return Conditional(UNKNOWN, Condition(((name,),)))
        return UNKNOWN if state == "unknown" else None

    def _note_near(self, text: str, path: str) -> None:
        nested: list[str] = []

        def blank(match: re.Match[str]) -> str:
            if not match[0].endswith("}"):
                return match[0]
            if "${" in (match[3] or ""):
                nested.append(match[1])
            return "\0"

        rest = PATTERN.sub(blank, text) if REFERENCE in text else text
        near = nested_reference(nested[0]) if nested else near_reference(rest, whole=rest == text)
        if near is not None:
            self._result.near[path] = near


def _together(values: list[Unknown], rest: str) -> Unknown:
    """Return what a text is whose references have these values, beside the rest of it.

    It may be empty where nothing else is in it and each of them may.
    """
    conditions = [value.condition for value in values if isinstance(value, Conditional)]
    if rest or len(conditions) < len(values):
        return UNKNOWN
    if len(values) == 1:
        return values[0]
    names = dict.fromkeys(name for condition in conditions for clause in condition.clauses for name in clause)
    return Conditional(UNKNOWN, Condition((tuple(names),)))


def convert(text: str) -> Any:
    """Turn a substituted string into None, a boolean or a number, as upstream does."""
    if text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)
