"""The providers of a run config as the status lists them, and whether any of them is to be installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from llamastack_operator.api.status import PROVIDERS_LIMIT

_DISABLED = "__disabled__"


class Provider(NamedTuple):
    """An entry of a run config.

    Attributes:
        api: the API that it is listed under.
        id: its provider_id.
        type: its provider_type.
        module: its module as written, empty for a provider that the release brings.
    """

    api: str
    id: str
    type: str
    module: str


def providers_of(run_config: Any) -> tuple[Provider, ...]:
    """Return the enabled providers of a parsed run config, in its order.

    An entry whose id comes from a variable is left out: whether it is enabled is known at start alone. What has
    another shape is left out too, for others report it.
    """
    sections = run_config.get("providers") if isinstance(run_config, dict) else None
    if not isinstance(sections, dict):
        return ()
    return tuple(
        provider
        for api, entries in sections.items()
        for entry in (entries if isinstance(entries, list) else ())
        for provider in _provider(str(api), entry)
    )[:PROVIDERS_LIMIT]


def has_modules(run_config: Any) -> bool:
    """Tell whether any entry of a parsed run config, enabled or not, names a module."""
    sections = run_config.get("providers") if isinstance(run_config, dict) else None
    lists = sections.values() if isinstance(sections, dict) else ()
    entries = (entry for entries in lists if isinstance(entries, list) for entry in entries)
    return any(isinstance(entry, dict) and bool(entry.get("module")) for entry in entries)


def _provider(api: str, entry: Any) -> Iterator[Provider]:
    if not isinstance(entry, dict):
        return
    name, kind, module = entry.get("provider_id"), entry.get("provider_type"), entry.get("module")
    if not isinstance(name, str) or not isinstance(kind, str) or name in ("", _DISABLED) or "${" in name:
        return
    yield Provider(api, name, kind, module if isinstance(module, str) else "")
