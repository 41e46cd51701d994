"""The providers of a stack's run config, as its status lists them."""

from __future__ import annotations

from typing import Any

from llamastack_operator.planning.stack.reading import Provider, ProviderState
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
        "state": provider.state.value,
        "message": provider.message or None,
    }
    return {key: value for key, value in wire.items() if value is not None}


def resolved_of(providers: tuple[Provider, ...]) -> str | None:
    """Return how many of the enabled providers are resolved, as `4/5`; None where there are none.

    Those that are not listed stand no worse than those that are: they are resolved where one of these is.
    """
    enabled = [one for one in providers if one.state is not ProviderState.DISABLED]
    fine = sum(one.state in (ProviderState.RESOLVED, ProviderState.DEPRECATED) for one in enabled)
    unlisted = unlisted_of(providers)
    return f"{fine + (unlisted if fine else 0)}/{len(enabled) + unlisted}" if enabled else None


def unlisted_of(providers: tuple[Provider, ...]) -> int:
    """Return how many enabled providers there are beside these."""
    return sum(one.unlisted for one in providers)
