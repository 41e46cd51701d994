"""Replaces `${env.X}` as a release does it, and says which variables are missing.

The releases differ in three ways, all of them in Behaviour. Values of variables that exist but are not known
here (they come from a Secret, or the config is checked away from its cluster) become UNKNOWN, which fits
every type: the checks that follow neither guess nor complain about it.

Upstream: `replace_env_vars` in `core/stack.py`.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llamastack_resolver.behaviour import Behaviour
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


@dataclass(frozen=True)
class Environment:
    """The variables a server will see.

    Attributes:
        values: variables with known values.
        opaque: names of variables that are set, with values that are not known (from a Secret).
        others: what holds for every other name: `unset`, or `unknown` where the environment is not known at
            all.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    others: Literal["unset", "unknown"] = "unset"


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
    """

    value: Any
    missing: list[tuple[str, str]]
    dropped: list[str]
    references: set[str]
    too_long: list[tuple[str, int]] = field(default_factory=list)

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


class _Substituter:
    def __init__(self, environment: Environment, behaviour: Behaviour, expand_user: Callable[[str], str]) -> None:
        self._environment = environment
        self._behaviour = behaviour
        self._expand_user = expand_user
        self._missing: list[tuple[str, str]] = []
        self._dropped: list[str] = []
        self._references: set[str] = set()
        self._too_long: list[tuple[str, int]] = []

    def run(self, config: Any) -> Substitution:
        value = self._value(config, "", [])
        return Substitution(value, self._missing, self._dropped, self._references, self._too_long)

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
        skip_auth = self._behaviour.optional_auth and path == "server.auth" and self._auth_is_off(value)
        return {
            key: None if skip_auth and key == "provider_config" else self._value(item, _join(path, key), missing)
            for key, item in value.items()
        }

    def _auth_is_off(self, auth: dict[Any, Any]) -> bool:
        provider = auth.get("provider_config")
        if not isinstance(provider, dict) or "type" not in provider:
            return False
        try:
            return self._peek(provider["type"]) in (None, "")
        except _Missing:
            return False

    def _list(self, value: list[Any], path: str, missing: list[tuple[str, str]] | None) -> list[Any]:
        result = []
        for index, item in enumerate(value):
            item_path = f"{path}[{index}]"
            if isinstance(item, dict) and self._is_dropped(item):
                self._dropped.append(item_path)
                continue
            result.append(self._value(item, item_path, missing))
        return result

    def _is_dropped(self, item: dict[Any, Any]) -> bool:
        if "provider_id" in item and self._peek_or(item["provider_id"], UNKNOWN) == DISABLED:
            return True
        names = self._behaviour.resource_ids
        return any(self._peek_or(item[name], UNKNOWN) in (None, "") for name in names if name in item)

    def _peek_or(self, value: Any, default: Any) -> Any:
        try:
            return self._peek(value)
        except _Missing:
            return default

    def _peek(self, value: Any) -> Any:
        return self._value(value, "", None)

    def _string(self, text: str, path: str, missing: list[tuple[str, str]] | None) -> Any:
        if REFERENCE not in text:
            return convert(text) if self._behaviour.converts_every_string else text
        if len(text) <= MAX_LENGTH:
            return self._replaced(text, path, missing)
        if missing is not None:
            self._too_long.append((path, len(text)))
        return UNKNOWN

    def _replaced(self, text: str, path: str, missing: list[tuple[str, str]] | None) -> Any:
        unknown = False

        def replace(match: re.Match[str]) -> str:
            nonlocal unknown
            if not match[0].endswith("}"):
                return match[0]
            name, operator, word = match.group(1), match.group(2), match.group(3)
            self._references.add(name)
            value = self._lookup(name, operator, word)
            if isinstance(value, Unknown):
                unknown = True
                return ""
            if value is None:
                if missing is None:
                    raise _Missing
                self._missing.append((path, name))
                unknown = True
                return ""
            return value

        result = PATTERN.sub(replace, text)
        if unknown:
            return UNKNOWN
        if self._behaviour.converts_every_string or result != text:
            return convert(result)
        return result

    def _lookup(self, name: str, operator: str | None, word: str | None) -> str | Unknown | None:
        value = self._environment.values.get(name)
        opaque = name in self._environment.opaque
        if operator == "=":
            # An empty default asks for a value; where the environment is not known, there may be one.
            open_ended = not value and not word and self._environment.others == "unknown"
            chosen: str | Unknown = UNKNOWN if opaque or open_ended else (value or word or "")
        elif operator == "+":
            chosen = (word or "") if value or opaque else ""
        elif opaque or (not value and self._environment.others == "unknown" and name not in self._environment.values):
            chosen = UNKNOWN
        elif not value:
            return None
        else:
            chosen = value
        return self._expand_user(chosen) if isinstance(chosen, str) and chosen else chosen


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
