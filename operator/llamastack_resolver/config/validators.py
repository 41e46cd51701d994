"""What the validators of the releases' own classes make of a value before its schema is asked.

A schema does not show them, only that they are there (`x-validators`), so in general what it says about such a field
is a warning. These are all that there are in the releases of the catalog; each was read, and what they do is done
here, so that right and wrong values are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llamastack_resolver.config.env import Unknown

Converter = Callable[[Any], Any]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    return "" if value is None else str(value)


def _as_it_is(value: Any) -> Any:
    """Those that only look whether a file is there: that is not known here, and what is no path they refuse too."""
    return value


_NETWORK = ("proxy.cacert", "tls.client_cert", "tls.client_key", "tls.verify")
# By the field's place in a provider's config.
PROVIDER_FIELDS: Mapping[str, Converter] = {
    "sinks": _split,
    "key_prefix": _text,
    **{f"network.{field}": _as_it_is for field in _NETWORK},
}
# Of the run config: the move of stores to SQL, which `storage.migrate_stores` does before.
RUN_CONFIG_FIELDS = ("storage.stores",)


def converted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a built-in provider as its validators leave it."""
    return {
        key: PROVIDER_FIELDS[key](value) if key in PROVIDER_FIELDS and not isinstance(value, Unknown) else value
        for key, value in config.items()
    }


def is_done_here(path: str, fields: Mapping[str, Converter] | tuple[str, ...]) -> bool:
    """Whether the validator of the field at a path, or of what it is in, is one of those that are done here."""
    return any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in fields)
