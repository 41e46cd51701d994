"""What a document is, told by its shape: a run config has no `kind`, and other programs' files use the same words.

A file that a user names may be a run config with a mistake in it, and is taken for one early. Among all files of a
directory only what shows itself to be one counts.
"""

from __future__ import annotations

from typing import Any

_KEYS = ("providers", "apis", "storage", "image_name", "distro_name", "registered_resources")
_FIRST_FORMAT = ("routing_table", "api_providers", "provider_map")
_ENTRY_KEYS = ("provider_type", "provider_id")


def is_run_config(value: Any) -> bool:
    """Whether a value is a run config beyond doubt: it lists providers, or has version and name of one."""
    if not isinstance(value, dict):
        return False
    if any(key in value for key in _FIRST_FORMAT) and "version" in value:
        return True
    named = "image_name" in value or "distro_name" in value
    return _lists_providers(value.get("providers")) or ("version" in value and named)


def may_be_run_config(value: dict[str, Any]) -> bool:
    """Whether a mapping may be a run config, perhaps with mistakes."""
    if is_run_config(value):
        return True
    if "version" in value and any(key in value for key in _KEYS):
        return True
    providers = value.get("providers")
    lists = isinstance(providers, dict) and all(isinstance(entries, list) for entries in providers.values())
    return lists or isinstance(value.get("apis"), list)


def is_build_config(value: dict[str, Any]) -> bool:
    """Whether a mapping is upstream's build.yaml."""
    return "distribution_spec" in value


def text_may_be_run_config(text: str) -> bool:
    """Whether it is worth while to read a text in order to see if it is a run config."""
    return "providers" in text and any(key in text for key in _ENTRY_KEYS)


def text_is_ours(text: str | bytes) -> bool:
    """Whether a text that is no YAML means to be a run config or a manifest of ours."""
    readable = text.decode("latin-1") if isinstance(text, bytes) else text
    if any(word in readable for word in ("provider_type", "llamastack.dev/")):
        return True
    starts = {line.partition(":")[0] for line in readable.splitlines()}
    return "version" in starts and not starts.isdisjoint(("image_name", "distro_name"))


def _lists_providers(providers: Any) -> bool:
    if not isinstance(providers, dict):
        return False
    return any(
        isinstance(entry, dict) and any(key in entry for key in _ENTRY_KEYS)
        for entries in providers.values()
        if isinstance(entries, list)
        for entry in entries
    )
