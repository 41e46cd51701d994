"""Whether anything in a run config is to be installed: a look at its shape alone."""

from __future__ import annotations

from typing import Any


def has_modules(run_config: Any) -> bool:
    """Tell whether any entry of a parsed run config, enabled or not, names a module."""
    sections = run_config.get("providers") if isinstance(run_config, dict) else None
    lists = sections.values() if isinstance(sections, dict) else ()
    entries = (entry for entries in lists if isinstance(entries, list) for entry in entries)
    return any(isinstance(entry, dict) and bool(entry.get("module")) for entry in entries)
