"""Judges every provider entry of a run config: does its API exist, does its type, is its config right.

Upstream stops at the first mistake; here each entry is judged for itself, and an entry that was refused takes
its API's dependents out of the later checks, so that no finding is the consequence of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from llamastack_resolver.config.api_names import meant_api
from llamastack_resolver.config.condition import Condition, any_of
from llamastack_resolver.config.run_config import ProviderEntry, RunConfig
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.migrations import api_migration_of, former_api_name, former_name, migration_of
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.registry import Origin, ProviderRegistry, RegisteredSpec
from llamastack_resolver.suggest import did_you_mean

BUILTIN_KEY = "__builtin__"


class InvalidProviderError(Exception):
    """A provider cannot be used: its spec carries a deprecation error, or findings forbid it."""


class ProviderWithSpec(NamedTuple):
    """A provider entry together with its spec (upstream's class of that name).

    Attributes:
        provider_id: its id within the API.
        provider_type: its type.
        spec: what is known of the type.
        entry: the entry of the config; None for auto-routed providers.
        origin: where the spec came from.
        opaque: its dependencies are not known here.
        module_version: installed version of its module's distribution.
        module_entry: path of the entry whose `module:` brought its spec.
    """

    provider_id: str
    provider_type: str
    spec: ProviderSpec
    entry: ProviderEntry | None = None
    origin: Origin = "builtin"
    opaque: bool = False
    module_version: str | None = None
    module_entry: str | None = None
    deps: tuple[str, ...] = ()

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Keys that have to come before this one (upstream's `deps__`)."""
        return self.deps or self.spec.dependencies

    @property
    def condition(self) -> Condition | None:
        """When it is started, where that depends on variables of which nothing is known."""
        return self.entry.condition if self.entry else None


@dataclass
class PreparedProviders:
    """The entries that can be used, and what is known about those that cannot.

    Attributes:
        by_key: providers by id, by key: the API's name, or `inner-<api>` behind a router. Of two that have one id, and
            are started under different conditions, the second stands under its path.
        failed_apis: APIs with an entry that was refused: what depends on them is not judged.
        disabled: disabled entries by API.
        repeated: those with an id that another one of their API has: the last of them is what a release starts.
    """

    by_key: dict[str, dict[str, ProviderWithSpec]] = field(default_factory=dict)
    failed_apis: set[str] = field(default_factory=set)
    disabled: dict[str, list[ProviderEntry]] = field(default_factory=dict)
    repeated: list[ProviderWithSpec] = field(default_factory=list)


def validate_and_prepare_providers(
    config: RunConfig, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> PreparedProviders:
    """Judge all entries and sort them by API.

    Args:
        config: the run config after substitution.
        registry: every provider type there is.
        knowledge: the release.
        findings: where the findings go.
    """
    prepared = PreparedProviders(failed_apis=set(config.malformed))
    for api, entries in config.providers.items():
        if not _api_is_usable(api, entries, registry, knowledge, prepared, findings):
            continue
        key = f"inner-{api}" if api in knowledge.router_apis else api
        specs: dict[str, ProviderWithSpec] = {}
        seen: dict[str | None, ProviderEntry] = {}
        for entry in entries:
            if entry.disabled:
                prepared.disabled.setdefault(api, []).append(entry)
                continue
            first = seen.setdefault(entry.provider_id, entry)
            if first is not entry:
                # Whatever else is wrong with either of them: what is installed says nothing about ids.
                _report_duplicate(entry, first, findings)
            provider = validate_provider(entry, registry, knowledge, findings)
            if provider is None:
                prepared.failed_apis.add(api)
            elif provider.provider_id not in specs:
                specs[provider.provider_id] = provider
            elif _may_alternate(entry.condition, first.condition):
                specs[entry.path] = provider
            else:
                prepared.repeated.append(provider)
        prepared.by_key[key] = specs
        _report_shadowed(api, key, specs, knowledge, findings)
    return prepared


def _api_is_usable(
    api: str,
    entries: tuple[ProviderEntry, ...],
    registry: ProviderRegistry,
    knowledge: ReleaseKnowledge,
    prepared: PreparedProviders,
    findings: Findings,
) -> bool:
    path = f"providers.{api}"
    if api in knowledge.routing_table_apis:
        router = next(pair.router for pair in knowledge.routed if pair.table == api)
        findings.error(
            ProviderReason.ROUTED_API_OVERRIDE,
            f"`{api}` is provided automatically and cannot be overridden",
            path,
            api=api,
            hint=f"configure the providers of `{router}` instead",
        )
        prepared.failed_apis.add(api)
        return False
    if api in registry.types:
        return True
    prepared.failed_apis.add(api)
    meant = meant_api(api, knowledge.apis)
    where = _where_enabled(entries)
    if meant in knowledge.router_apis:
        prepared.failed_apis.add(meant)
        message = f"{where}{knowledge.release} takes `{api}` for `{meant}`"
        message += ", and then looks for its providers by the exact name: it does not start"
        findings.error(ProviderReason.UNKNOWN_API, message, path, api=meant, hint=f"write `{meant}`")
    elif api not in knowledge.apis:
        _report_unknown_api(api, registry, knowledge, prepared, findings)
    elif any(not entry.disabled for entry in entries):
        hint = _api_advice(api, knowledge) or "remove the section: the stack provides it itself"
        findings.error(
            ProviderReason.UNKNOWN_API,
            f"{where}`{api}` takes no providers in {knowledge.release}",
            path,
            api=api,
            hint=hint,
        )
    return False


def _where_enabled(entries: Sequence[ProviderEntry]) -> str:
    """Return the beginning of what is said of a section that has providers only where variables are set."""
    enabled = [entry for entry in entries if not entry.disabled]
    conditions = [entry.condition for entry in enabled if entry.condition]
    return f"where {any_of(conditions)}, " if conditions and len(conditions) == len(enabled) else ""


def _report_unknown_api(
    api: str,
    registry: ProviderRegistry,
    knowledge: ReleaseKnowledge,
    prepared: PreparedProviders,
    findings: Findings,
) -> None:
    release = knowledge.release
    migration, former = api_migration_of(api, release), former_api_name(api, release)
    if migration and migration.new:
        prepared.failed_apis.add(migration.new)
    if former:
        prepared.failed_apis.add(former.old)
    gone = " anymore" if migration else ""
    hint = _api_advice(api, knowledge) or did_you_mean(api, registry.types) or "remove the section"
    findings.error(
        ProviderReason.UNKNOWN_API, f"{release} has no API `{api}`{gone}", f"providers.{api}", api=api, hint=hint
    )


def _api_advice(api: str, knowledge: ReleaseKnowledge) -> str | None:
    migration, former = api_migration_of(api, knowledge.release), former_api_name(api, knowledge.release)
    if migration:
        if migration.new:
            return f"it is called `{migration.new}` since {migration.since}"
        return migration.advice or f"it was removed in {migration.since}: remove the section"
    if former:
        return f"it is called `{former.old}` before {former.since}"
    return None


def validate_provider(
    entry: ProviderEntry, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> ProviderWithSpec | None:
    """Judge one enabled entry; return it with its spec, or None after saying why it cannot be used."""
    if registry.refused(entry):
        return None
    registered = registry.lookup(entry)
    if registered is None:
        if not registry.may_exist(entry):
            _report_unknown_type(entry, registry, knowledge, findings)
            return None
        registered = _open_type(entry, registry, knowledge, findings)
    spec = registered.spec
    whose: Whose = {"api": entry.api, "provider": entry.provider_id}
    path = f"{entry.path}.provider_type"
    if spec.deprecation_error:
        hint = "change to what the message names, or remove the entry"
        findings.error(ProviderReason.PROVIDER_DEPRECATION_ERROR, spec.deprecation_error, path, hint=hint, **whose)
        return None
    if spec.deprecation_warning:
        message = f"{entry.provider_type} is deprecated: {spec.deprecation_warning}"
        hint = "change to another type before the next upgrade"
        findings.warning(ProviderReason.PROVIDER_DEPRECATED, message, path, hint=hint, **whose)
    if registered.origin == "directory" and not registered.opaque and not spec.module:
        message = f"the file of {entry.provider_type} names no `module`: the release does not start with this entry"
        hint = "add `module` to the file, or remove the entry"
        findings.error(ModuleReason.SPEC_MISSING, message, path, hint=hint, **whose)
        return None
    if entry.module is not None and (entry.api, entry.provider_type) in registry.replaced:
        message = f"{entry.module} replaces the built-in provider {entry.provider_type}"
        hint = "remove `module:` to run the built-in one; else nothing is to be done"
        findings.warning(ProviderReason.SHADOWED_PROVIDER, message, f"{entry.path}.module", hint=hint, **whose)
    return ProviderWithSpec(
        provider_id=entry.provider_id or "",
        provider_type=entry.provider_type,
        spec=spec,
        entry=entry,
        origin=registered.origin,
        opaque=registered.opaque,
        module_version=registered.module_version,
        module_entry=registered.module_entry,
    )


def _open_type(
    entry: ProviderEntry, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> RegisteredSpec:
    """Return what stands for a type that may come from files which cannot be read here: a likeness to another
    name proves nothing then."""
    if entry.api not in registry.guessed_apis:
        advice = _type_advice(entry, knowledge)
        correct = did_you_mean(entry.provider_type, registry.types[entry.api]) or "or correct the type"
        findings.warning(
            ProviderReason.RESOLVED_IN_IMAGE,
            f"{entry.provider_type} is not built in; where it should come from cannot be read here",
            f"{entry.path}.provider_type",
            api=entry.api,
            provider=entry.provider_id,
            hint=f"hand its file in with the manifest; {advice.hint if advice else correct}",
        )
    spec = ProviderSpec.from_dict(entry.api, entry.provider_type, {})
    return RegisteredSpec(spec, "directory", opaque=True)


class _TypeAdvice(NamedTuple):
    """What became of a type that another release has."""

    reason: ProviderReason
    message: str
    hint: str


def _type_advice(entry: ProviderEntry, knowledge: ReleaseKnowledge) -> _TypeAdvice | None:
    migration = migration_of(entry.api, entry.provider_type, knowledge.release)
    if migration:
        new = migration.new
        place = f" of `{migration.new_api}`" if migration.new_api else ""
        reason = ProviderReason.PROVIDER_REMOVED if migration.advice or not new else ProviderReason.PROVIDER_RENAMED
        message = f"{entry.provider_type} does not exist since {migration.since}"
        return _TypeAdvice(reason, message, migration.advice or f"use {new}{place}")
    former = former_name(entry.api, entry.provider_type, knowledge.release)
    if former is None:
        return None
    message = f"{entry.provider_type} does not exist before {former.since}"
    return _TypeAdvice(ProviderReason.PROVIDER_RENAMED, message, f"use {former.old}")


def _report_unknown_type(
    entry: ProviderEntry, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    path = f"{entry.path}.provider_type"
    whose: Whose = {"api": entry.api, "provider": entry.provider_id}
    advice = _type_advice(entry, knowledge)
    if advice:
        findings.error(advice.reason, advice.message, path, hint=advice.hint, **whose)
        return
    file = registry.passed_over.get((entry.api, entry.provider_type))
    elsewhere = [api for api, types in registry.types.items() if entry.provider_type in types]
    hint = f"rename {file} to .yaml: the release does not read it" if file else None
    hint = hint or did_you_mean(entry.provider_type, registry.types[entry.api])
    if elsewhere and not hint:
        hint = f"it is a provider of {', '.join(sorted(elsewhere))}"
    some = ", ".join(sorted(registry.types[entry.api])[:6])
    message = f"{knowledge.release} has no provider {entry.provider_type} for `{entry.api}`"
    hint = hint or f"one of: {some}; or add `module:` for an external one"
    findings.error(ProviderReason.UNKNOWN_PROVIDER_TYPE, message, path, hint=hint, **whose)


def _may_alternate(one: Condition | None, other: Condition | None) -> bool:
    """Whether one of two providers may be meant for where the other is off."""
    return bool(one and other and not one.implies(other) and not other.implies(one))


def _report_duplicate(entry: ProviderEntry, first: ProviderEntry, findings: Findings) -> None:
    """Two entries with one id are a mistake, unless each is switched on by a variable of its own."""
    condition = first.condition
    where = f" where {condition}" if condition and not (entry.condition and entry.condition.implies(condition)) else ""
    message = f"the id {entry.provider_id!r} is used at {first.path} already{where}: only the last one would be started"
    path, hint = f"{entry.path}.provider_id", "give each provider of an API an id of its own"
    whose: Whose = {"api": entry.api, "provider": entry.provider_id}
    if _may_alternate(entry.condition, condition):
        findings.warning(ProviderReason.DUPLICATE_PROVIDER_ID, message, path, hint=hint, **whose)
    else:
        findings.error(ProviderReason.DUPLICATE_PROVIDER_ID, message, path, hint=hint, **whose)


def _report_shadowed(
    api: str, key: str, specs: dict[str, ProviderWithSpec], knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    """Behind a router all providers serve; without one the last replaces the others (ogx 1.2 tells
    siblings)."""
    if key != api or len(specs) < 2 or knowledge.behaviour.tells_siblings:
        return
    *lost, last = specs.values()
    for index, provider in enumerate(lost):
        later = list(specs.values())[index + 1 :]
        winner = next((one for one in reversed(later) if one.condition is None), last)
        condition = winner.condition
        sure = condition is None or (provider.condition and provider.condition.implies(condition))
        where = "" if sure else f" where {condition}"
        findings.warning(
            ProviderReason.SHADOWED_PROVIDER,
            f"`{api}` has no router: {winner.provider_id} replaces {provider.provider_id}{where}",
            provider.entry.path if provider.entry else f"providers.{api}",
            api=api,
            provider=provider.provider_id,
            hint=f"keep one provider of `{api}`",
        )
