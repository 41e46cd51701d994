"""Whether anything is to be installed for a stack: a look at shapes alone."""

from __future__ import annotations

from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec


def has_modules(run_config: Any) -> bool:
    """Tell whether any entry of a parsed run config, enabled or not, names a module."""
    sections = run_config.get("providers") if isinstance(run_config, dict) else None
    lists = sections.values() if isinstance(sections, dict) else ()
    entries = (entry for entries in lists if isinstance(entries, list) for entry in entries)
    return any(isinstance(entry, dict) and bool(entry.get("module")) for entry in entries)


def needs_install(spec: LlamaStackSpec, modules: bool) -> bool:
    """Tell whether anything has to be installed for a stack.

    Args:
        spec: its spec.
        modules: whether its run config names a module.
    """
    pip = spec.build.pip if spec.build else None
    return spec.distribution.image is None or modules or bool(pip and pip.requirements) or bool(spec.external_packages)
