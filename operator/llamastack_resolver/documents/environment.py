"""Environment variables as containers have them: a list of names, with values or with sources of values."""

from __future__ import annotations

from typing import Any, Literal

from llamastack_resolver.config.env import Environment


def read_entries(entries: Any, others: Literal["unset", "unknown"]) -> Environment:
    """Return the environment of a list of entries; values of Secrets and ConfigMaps are opaque, and
    those of optional keys may be missing.

    Args:
        entries: the list; anything may be in it.
        others: what holds for every other variable.
    """
    values: dict[str, str] = {}
    opaque: set[str] = set()
    unknown: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        if entry.get("valueFrom"):
            (unknown if _is_optional(entry["valueFrom"]) else opaque).add(entry["name"])
        else:
            values[entry["name"]] = str(entry.get("value") or "")
    return Environment(values, frozenset(opaque), others, frozenset(unknown))


def _is_optional(source: Any) -> bool:
    """Whether a variable is left unset where its Secret or ConfigMap, or the key in it, is missing."""
    selectors = source.values() if isinstance(source, dict) else ()
    return any(isinstance(selector, dict) and selector.get("optional") is True for selector in selectors)
