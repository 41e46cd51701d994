"""Environment variables as containers have them: names with values or with sources of values.

A variable whose source is at hand is known; of a Secret no more than its keys ever is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from typing import Any, Literal

from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMaps

Secrets = Mapping[str, Set[str]]
"""The keys of Secrets, by name."""
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*+")
"""What Kubernetes takes over from `envFrom`; it passes over other keys."""


class _Value(Enum):
    """What is known of a variable without a known value."""

    SET = "set, to a value that is not known"
    UNSET = "not set"
    UNKNOWN = "may be set"


_Known = str | _Value


def read_entries(entries: Any, others: Literal["unset", "unknown"]) -> Environment:
    """Return the environment of a list of entries; values of Secrets and ConfigMaps are opaque, and
    those of optional keys may be missing.

    Args:
        entries: the list; anything may be in it.
        others: what holds for every other variable.
    """
    return _environment(dict(_of_entries(entries, "", ConfigMaps({}), None)), others)


def read_environment(
    server: Mapping[str, Any], namespace: str, config_maps: ConfigMaps, secrets: Secrets | None, image: bool
) -> Environment:
    """Return the environment of a container, as Kubernetes puts it together: `env` wins over `envFrom`, and what comes
    later over what comes before.

    Args:
        server: what holds `env` and `envFrom`; anything may be in it.
        namespace: the namespace of the objects that they refer to.
        config_maps: those that are at hand.
        secrets: the Secrets that there are; None where that is not known.
        image: whether the image is not known, which may set variables too.
    """
    variables: dict[str, _Known] = {}
    whole = True
    sources = server.get("envFrom")
    for source in sources if isinstance(sources, list) else ():
        found = _of_source(source, namespace, config_maps, secrets) if isinstance(source, dict) else None
        whole = whole and found is not None
        variables.update(found or {})
    variables.update(_of_entries(server.get("env"), namespace, config_maps, secrets))
    return _environment(variables, "unset" if whole and not image else "unknown")


def _environment(variables: Mapping[str, _Known], others: Literal["unset", "unknown"]) -> Environment:
    values = {name: value for name, value in variables.items() if isinstance(value, str)}
    values.update((name, "") for name, value in variables.items() if value is _Value.UNSET)
    opaque = frozenset(name for name, value in variables.items() if value is _Value.SET)
    unknown = frozenset(name for name, value in variables.items() if value is _Value.UNKNOWN)
    return Environment(values, opaque, others, unknown)


def _of_entries(
    entries: Any, namespace: str, config_maps: ConfigMaps, secrets: Secrets | None
) -> Iterator[tuple[str, _Known]]:
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        source = entry.get("valueFrom")
        if source:
            yield entry["name"], _of_value_from(source, namespace, config_maps, secrets)
        else:
            yield entry["name"], _text(str(entry.get("value") or ""))


def _text(value: str) -> _Known:
    """Return what a written value becomes: `$(NAME)` in it is replaced by the kubelet."""
    return _Value.SET if "$(" in value else value


def _of_value_from(source: Any, namespace: str, config_maps: ConfigMaps, secrets: Secrets | None) -> _Known:
    """Return what one key leads to. Where it has to be there, it is: else no container is made."""
    source = source if isinstance(source, dict) else {}
    config_map, secret = source.get("configMapKeyRef"), source.get("secretKeyRef")
    if isinstance(config_map, dict):
        data = config_maps.data(namespace, str(config_map.get("name")))
        value = None if data is None else data.get(str(config_map.get("key")))
        if isinstance(value, str):
            return value
        return _missing(config_map, known=data is not None)
    if isinstance(secret, dict):
        keys = None if secrets is None else secrets.get(str(secret.get("name")), frozenset())
        if keys is not None and secret.get("key") in keys:
            return _Value.SET
        return _missing(secret, known=keys is not None)
    return _Value.SET


def _missing(reference: Mapping[str, Any], known: bool) -> _Value:
    if reference.get("optional") is not True:
        return _Value.SET
    return _Value.UNSET if known else _Value.UNKNOWN


def _of_source(
    source: Mapping[str, Any], namespace: str, config_maps: ConfigMaps, secrets: Secrets | None
) -> dict[str, _Known] | None:
    """Return the variables of an entry of `envFrom`; None where it is not known which there are."""
    found: Mapping[str, _Known] | None = None
    prefix = str(source.get("prefix") or "")
    config_map, secret = source.get("configMapRef"), source.get("secretRef")
    if isinstance(config_map, dict):
        found = config_maps.data(namespace, str(config_map.get("name")))
    elif isinstance(secret, dict) and secrets is not None:
        found = dict.fromkeys(secrets.get(str(secret.get("name")), ()), _Value.SET)
    if found is None:
        return None
    named = {f"{prefix}{key}": value for key, value in found.items()}
    return {name: value for name, value in named.items() if _NAME.fullmatch(name)}
