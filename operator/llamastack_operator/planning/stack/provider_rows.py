"""The providers of a stack's run config, as its status lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llamastack_operator.api.conditions import cut
from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.planning.stack.reading import NAME_LIMIT, Provider, ProviderState
from llamastack_operator.planning.stack.reported_rows import as_reported
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import LastCheck

_FINE = (ProviderState.RESOLVED, ProviderState.DEPRECATED, ProviderState.READY)


def known_providers(snapshot: Snapshot, check: LastCheck | None = None) -> tuple[Provider, ...]:
    """Return the providers of the run config, with what was found of their packages where these were installed.

    Args:
        snapshot: the stack and its objects.
        check: the check that counts, if its pods are of the newest generation.
    """
    providers = snapshot.facts.reading.providers
    if snapshot.image is not None and snapshot.image.modules:
        providers = tuple(_as_installed(provider, _module_of(provider, snapshot)) for provider in providers)
    return as_reported(providers, check.report) if check is not None else providers


def provider_row(provider: Provider, snapshot: Snapshot) -> dict[str, Any]:
    """Return a provider in wire form, with the version of its module where that is known."""
    module = _module_of(provider, snapshot)
    version = (module.version if module else "") or provider.version
    wire = {
        "api": provider.api,
        "id": provider.id,
        "type": provider.type,
        "module": provider.module or None,
        "moduleVersion": version or None,
        "state": provider.state.value,
        "message": provider.message or None,
    }
    return {key: value for key, value in wire.items() if value is not None}


def _module_of(provider: Provider, snapshot: Snapshot) -> RecordedModule | None:
    modules = snapshot.image.modules if snapshot.image and provider.module else ()
    return next((module for module in modules if cut(module.requirement, NAME_LIMIT) == provider.module), None)


def _as_installed(provider: Provider, module: RecordedModule | None) -> Provider:
    """Return a provider as resolved where its package was found to bring it: a build fails for one that does not."""
    brought = module.providers or () if module else ()
    if not provider.in_package or f"{provider.api}/{provider.type}" not in brought:
        return provider
    return replace(provider, state=ProviderState.RESOLVED, message="")


def resolved_of(providers: Sequence[Provider]) -> str | None:
    """Return how many of the enabled providers are resolved, as `4/5`; None where there are none.

    Those that are not listed stand no worse than those that are: they are resolved where one of these is.
    """
    enabled = [one for one in providers if one.state is not ProviderState.DISABLED]
    fine = sum(one.state in _FINE for one in enabled)
    unlisted = unlisted_of(providers)
    return f"{fine + (unlisted if fine else 0)}/{len(enabled) + unlisted}" if enabled else None


def unlisted_of(providers: Sequence[Provider]) -> int:
    """Return how many enabled providers there are beside these."""
    return sum(one.unlisted for one in providers)
