"""The providers of a stack's run config, as its status lists them."""

from __future__ import annotations

from typing import Any

from llamastack_operator.planning.stack.inputs.providers import Provider
from llamastack_operator.planning.stack.snapshot import Snapshot


def provider_row(provider: Provider, snapshot: Snapshot) -> dict[str, Any]:
    """Return a provider in wire form, with the version of its module where that is known."""
    modules = snapshot.image.modules if snapshot.image else ()
    version = next((module.version for module in modules if module.requirement == provider.module), None)
    wire = {
        "api": provider.api,
        "id": provider.id,
        "type": provider.type,
        "module": provider.module or None,
        "moduleVersion": version,
    }
    return {key: value for key, value in wire.items() if value is not None}
