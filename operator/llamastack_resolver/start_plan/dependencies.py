"""Whether every API that is needed is there: for the providers, and for the `apis` list.

What is missing is named with what would satisfy it. APIs whose own entries were refused count as there: they
have a finding already.
"""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_resolver.config.api_names import meant_api
from llamastack_resolver.config.condition import Condition, any_of
from llamastack_resolver.config.run_config import RunConfig
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.migrations import api_migration_of
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.providers.validation import PreparedProviders, ProviderWithSpec
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.start_plan.reasons import StartPlanReason
from llamastack_resolver.start_plan.routing import INNER
from llamastack_resolver.suggest import did_you_mean

Providers = Mapping[str, Mapping[str, ProviderWithSpec]]


def internal_apis(knowledge: ReleaseKnowledge) -> frozenset[str]:
    """Return the APIs that the stack implements itself, such as `inspect` or `conversations`."""
    return knowledge.apis - knowledge.providable_apis - knowledge.routing_table_apis


def check_dependencies(
    providers: Providers, prepared: PreparedProviders, knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    """Report every required dependency that nothing in the config satisfies."""
    there = {key: group for key, group in providers.items() if group and not key.startswith(INNER)}
    sure = {key for key, group in there.items() if not conditions_of(group)}
    sure |= prepared.failed_apis
    if knowledge.behaviour.internal_apis_first:
        sure |= internal_apis(knowledge)
    for group in providers.values():
        for provider in group.values():
            if provider.entry is None:
                continue
            for api in provider.spec.api_dependencies:
                if api in sure:
                    continue
                if api not in there:
                    _report_missing(api, provider, prepared, knowledge, findings)
                elif provider.condition is None:
                    _report_conditional(api, provider, there[api], findings)


def conditions_of(group: Mapping[str, ProviderWithSpec]) -> list[Condition]:
    """Return when the providers of an API are there; nothing where one of them always is."""
    conditions = [provider.condition for provider in group.values()]
    found = [condition for condition in conditions if condition is not None]
    return found if len(found) == len(conditions) else []


def _report_conditional(
    api: str, provider: ProviderWithSpec, group: Mapping[str, ProviderWithSpec], findings: Findings
) -> None:
    findings.warning(
        StartPlanReason.MISSING_DEPENDENCY,
        f"{provider.provider_type} needs the API `{api}`, which is provided only where {any_of(conditions_of(group))}",
        provider.entry.path if provider.entry else f"providers.{provider.spec.api}",
        api=provider.spec.api,
        provider=provider.provider_id,
        hint="set it wherever this runs, or let both providers depend on it",
    )


def _report_missing(
    api: str,
    provider: ProviderWithSpec,
    prepared: PreparedProviders,
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    findings.error(
        StartPlanReason.MISSING_DEPENDENCY,
        f"{provider.provider_type} needs the API `{api}`, which nothing provides",
        provider.entry.path if provider.entry else f"providers.{provider.spec.api}",
        api=provider.spec.api,
        provider=provider.provider_id,
        hint=_cure(api, prepared, knowledge),
    )


def _cure(api: str, prepared: PreparedProviders, knowledge: ReleaseKnowledge) -> str:
    if api not in knowledge.apis:
        migration = api_migration_of(api, knowledge.release)
        called = f": it is called `{migration.new}` now" if migration and migration.new else ""
        return f"{knowledge.release} has no API `{api}`{called}; use a version of the provider for this release"
    if api in internal_apis(knowledge):
        return f"{knowledge.release} adds `{api}` after its providers: use a version of the provider without it"
    router = next((pair.router for pair in knowledge.routed if api in (pair.table, pair.router)), None)
    if router:
        return f"add `{router}` to `apis`"
    disabled = prepared.disabled.get(api)
    if disabled:
        return f"enable {disabled[0].provider_type} at {disabled[0].path}: its provider_id comes out empty"
    types = sorted(knowledge.providers.get(api, {}))
    example = f", for example {' or '.join(types[:3])}" if types else ""
    return f"add a provider to `providers.{api}`{example}"


def check_apis(
    config: RunConfig,
    providers: Providers,
    prepared: PreparedProviders,
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    """Report entries of `apis` that do not exist or that nothing provides, and providers that are not
    served."""
    for index, api in enumerate(config.apis or ()):
        _check_listed(api, f"apis[{index}]", providers, prepared, knowledge, findings)
    served = set(config.apis or ())
    for api, entries in config.providers.items():
        enabled = [entry for entry in entries if not entry.disabled]
        if served and api not in served and enabled and api in knowledge.router_apis:
            conditions = [entry.condition for entry in enabled if entry.condition]
            lead = f"where {any_of(conditions)}, " if len(conditions) == len(enabled) else ""
            findings.warning(
                ConfigReason.INVALID_RUN_CONFIG,
                f"{lead}`{api}` has providers, but is not in `apis`: they are started, and not served",
                f"providers.{api}",
                api=api,
                hint=f"add `{api}` to `apis`",
            )


def _check_listed(
    api: str,
    path: str,
    providers: Providers,
    prepared: PreparedProviders,
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    release = knowledge.release
    if api not in knowledge.apis:
        # Another spelling of one that there is is told elsewhere.
        if api not in prepared.failed_apis and not meant_api(api, knowledge.apis):
            _report_unknown(api, path, knowledge, findings)
        return
    if api in prepared.failed_apis or api in internal_apis(knowledge):
        return
    router = next((pair.router for pair in knowledge.routed if pair.table == api), None)
    add = f"add a provider to `providers.{api}`" if router is None else f"add `{router}` to `apis` as well"
    add += f", or remove `{api}` from `apis`"
    if api in knowledge.router_apis:
        if not providers.get(f"{INNER}{api}"):
            message = f"`{api}` is served, but has no provider: requests to it fail"
            disabled = prepared.disabled.get(api)
            if disabled:  # what is switched off was not forgotten
                hint = f"enable {disabled[0].provider_type} at {disabled[0].path}"
                findings.info(StartPlanReason.MISSING_DEPENDENCY, message, path, api=api, hint=hint)
            else:
                findings.warning(StartPlanReason.MISSING_DEPENDENCY, message, path, api=api, hint=add)
    elif not providers.get(api):
        message = f"`{api}` is listed in `apis`, and nothing provides it"
        if knowledge.behaviour.serves_unbacked_apis:
            findings.warning(StartPlanReason.MISSING_DEPENDENCY, message, path, api=api, hint=add)
        else:
            findings.error(StartPlanReason.MISSING_DEPENDENCY, message, path, api=api, hint=add)
    elif conditions_of(providers[api]) and not knowledge.behaviour.serves_unbacked_apis:
        where = any_of(conditions_of(providers[api]))
        message = f"`{api}` is listed in `apis`, and provided only where {where}: elsewhere {release} does not start"
        hint = "set it wherever this runs, or add a provider that is always there"
        findings.warning(StartPlanReason.MISSING_DEPENDENCY, message, path, api=api, hint=hint)


def _report_unknown(api: str, path: str, knowledge: ReleaseKnowledge, findings: Findings) -> None:
    release = knowledge.release
    migration = api_migration_of(api, release)
    hint = f"it is called `{migration.new}` now" if migration and migration.new else None
    if migration and not migration.new:
        hint = f"remove it: {migration.since} removed it"
    hint = hint or did_you_mean(api, knowledge.apis) or "remove it"
    findings.error(ProviderReason.UNKNOWN_API, f"{release} has no API `{api}`", path, api=api, hint=hint)
