"""Resolves a run config for a release: every finding at once, and the start plan.

The same function serves the command line, the webhook, the controller (offline, with the catalog's knowledge)
and the pods (with the knowledge of the installed release, and a loader that asks installed modules).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from llamastack_resolver.config.api_names import meant_api, with_exact_names
from llamastack_resolver.config.check import check_run_config
from llamastack_resolver.config.env import Environment, Substitution, Unknown, substitute
from llamastack_resolver.config.legacy import upgrade_routing_table
from llamastack_resolver.config.registered_resources import check_resources
from llamastack_resolver.config.run_config import RunConfig, paths_before, read_run_config
from llamastack_resolver.config.storage import check_stores, migrate_stores, read_backends
from llamastack_resolver.config.variables import report_near_references, with_conditions
from llamastack_resolver.findings import DOCUMENT, Finding, Findings, Severity
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.config import check_provider_config
from llamastack_resolver.providers.external_dirs import add_directory, external_apis
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.registry import (
    ModuleLoader,
    ProviderRegistry,
    RegisteredSpec,
    add_modules,
    builtin_registry,
)
from llamastack_resolver.providers.validation import PreparedProviders, ProviderWithSpec, validate_and_prepare_providers
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release
from llamastack_resolver.start_plan.dependencies import check_apis, check_dependencies
from llamastack_resolver.start_plan.order import sort_providers_by_deps
from llamastack_resolver.start_plan.plan import PlanStep, make_plan
from llamastack_resolver.start_plan.routing import apis_to_serve, specs_for_autorouted_apis
from llamastack_resolver.start_plan.spellings import check_spellings
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.watching import Step, at

RUN_CONFIG_VERSION = 2


class ExternalFiles(NamedTuple):
    """The files of `external_providers_dir` and `external_apis_dir`, as the server will see them.

    Attributes:
        providers: text by relative path; None where they cannot be read here, and for a file that cannot.
        apis: text by relative path; None where they cannot be read here, and for a file that cannot.
        opaque_providers: API and type of providers that have a file which cannot be read here.
        opaque_apis: names of external APIs that are there whatever can be read of their files.
        absent: keys of the run config whose directory will not be there.
        closed: keys whose directory the server may not look at.
        plain: keys that name a file.
        read_only: an absent directory cannot be made by the server either.
        at_server: they were read as the server reads them: nobody else can read what cannot be read here.
    """

    providers: Mapping[str, str | None] | None = None
    apis: Mapping[str, str | None] | None = None
    opaque_providers: tuple[tuple[str, str], ...] = ()
    opaque_apis: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    read_only: bool = False
    at_server: bool = False

    @property
    def apis_open(self) -> bool:
        """Whether there may be APIs that are not known here."""
        return self.apis is None or any(text is None for text in self.apis.values())


@dataclass(frozen=True)
class Resolution:
    """What became of a run config.

    Attributes:
        release: the release it was resolved for.
        findings: everything there is to say, errors first.
        plan: the start plan; incomplete where there are errors.
        config: the run config after substitution, None where it is no mapping.
        registry: the provider registry that was used.
        prepared: the providers that can be used.
        apis: external API specs by name.
    """

    release: Release
    findings: tuple[Finding, ...]
    plan: tuple[PlanStep, ...] = ()
    config: RunConfig | None = None
    registry: ProviderRegistry = field(default_factory=lambda: ProviderRegistry({}))
    prepared: PreparedProviders = field(default_factory=PreparedProviders)
    apis: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether the stack would not serve as written."""
        return Findings(self.findings).has_errors

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `llamastack resolve`."""
        return {
            "stackVersion": str(self.release),
            "order": [step.to_dict() for step in self.plan],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def resolve(
    raw: Any,
    knowledge: ReleaseKnowledge,
    environment: Environment | None = None,
    files: ExternalFiles | None = None,
    loader: ModuleLoader | None = None,
) -> Resolution:
    """Resolve a run config.

    Args:
        raw: the run config as YAML gives it, with its `${env.X}` references.
        knowledge: the release.
        environment: the variables that the server will see; default: nothing is known about them.
        files: external providers and APIs; default: they cannot be read here.
        loader: asks installed modules; None where none is installed.
    """
    findings = Findings()
    if not isinstance(raw, dict):
        message = "a run config is a mapping with `version` and `providers`"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint="start with `version: 2`")
        return Resolution(knowledge.release, tuple(findings))
    environment = environment or Environment(others="unknown")
    upgraded = upgrade_routing_table(raw, knowledge, findings)
    substitution = substitute(upgraded.config, environment, knowledge.behaviour)
    substitution.report(findings)
    _check_version(upgraded.config, knowledge, findings)
    config = _checked_config(substitution, knowledge, findings)
    config, knowledge, registry, apis = make_registry(config, knowledge, files or ExternalFiles(), loader, findings)
    prepared = validate_and_prepare_providers(config, registry, knowledge, findings)
    backends = read_backends(config.raw, knowledge)
    for group in prepared.by_key.values():
        for provider in group.values():
            # Where a release is installed this imports the class of the config.
            with at(_looking_at(provider)):
                check_provider_config(provider, config.raw, knowledge, backends, findings)
    again = Findings()
    for provider in prepared.repeated:
        check_provider_config(provider, config.raw, knowledge, backends, again)
    # It is an error already that they stand there: of warnings about them nobody is helped.
    findings.extend(finding for finding in again if finding.severity is Severity.ERROR)
    check_stores(config.raw, backends, knowledge, findings)
    check_resources(config, substitution.dropped, knowledge, findings)
    plan = _plan(config, prepared, knowledge, findings)
    told = report_near_references(substitution.near, with_conditions(findings, substitution.conditions))
    sorted_findings = tuple(upgraded.in_the_file(told.sorted()))
    return Resolution(knowledge.release, sorted_findings, plan, config, registry, prepared, apis)


def _looking_at(provider: ProviderWithSpec) -> Step:
    path = provider.entry.path if provider.entry else "providers"
    doing = f"importing the config class of {provider.provider_type}"
    whose = (provider.spec.api, provider.provider_id, provider.provider_type)
    return Step(doing, ModuleReason.MODULE_IMPORT_FAILED, path, *whose)


def _checked_config(substitution: Substitution, knowledge: ReleaseKnowledge, findings: Findings) -> RunConfig:
    """Check the top level as the release does after loading: the version is overwritten, names become
    text."""
    value = migrate_stores(substitution.value, knowledge)
    value["version"] = RUN_CONFIG_VERSION
    for name in ("image_name", "distro_name"):
        if value.get(name) is not None and not isinstance(value[name], Unknown):
            value[name] = str(value[name])
    found = Findings()
    check_run_config(value, knowledge, found)
    before = paths_before(substitution.dropped)
    findings.extend(replace(one, path=before(one.path)) for one in found)
    return with_exact_names(read_run_config(value, substitution), knowledge)


def _check_version(value: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    """Before 0.3.1 `llama stack run` takes another version for an old config, which has to have a providers
    directory. 0.3.0 has no other way to start; the server module of the releases before does not look at it."""
    release, behaviour = knowledge.release, knowledge.behaviour
    if behaviour.ignores_version or value.get("external_providers_dir") or value.get("version") == RUN_CONFIG_VERSION:
        return
    message = f"`version` is not the number {RUN_CONFIG_VERSION}: `llama stack run` of {release} then insists on"
    message += " ~/.llama/providers.d"
    report = findings.error if behaviour.started_by_command else findings.warning
    report(ConfigReason.INVALID_RUN_CONFIG, message, "version", hint=f"write version: {RUN_CONFIG_VERSION}")


def make_registry(
    config: RunConfig,
    knowledge: ReleaseKnowledge,
    files: ExternalFiles,
    loader: ModuleLoader | None,
    findings: Findings,
) -> tuple[RunConfig, ReleaseKnowledge, ProviderRegistry, dict[str, dict[str, Any]]]:
    """Return a config with the exact names of external APIs, what is known with those, its provider registry, and the
    specs of those APIs."""
    apis: dict[str, dict[str, Any]] = {}
    if config.external_apis_dir and files.apis is not None:
        apis = external_apis(files.apis, knowledge.apis, findings, files.at_server)
    apis_open = bool(config.external_apis_dir) and files.apis_open
    known = knowledge.apis | apis.keys() | set(files.opaque_apis)
    guessed = _unknown_apis(config, known, knowledge, findings) if apis_open else set()
    names = apis.keys() | files.opaque_apis | guessed
    if names:
        knowledge = replace(knowledge, apis=knowledge.apis | names, providable_apis=knowledge.providable_apis | names)
        config = with_exact_names(config, knowledge)
    registry = builtin_registry(knowledge)
    registry.apis_open = apis_open
    registry.guessed_apis = guessed
    for name, data in apis.items():
        _add_api(registry, config, name, data, loader, findings)
    registry.open_apis.update(files.opaque_apis, guessed)
    _check_present(config, knowledge, files, findings)
    if config.external_providers_dir or isinstance(config.raw.get("external_providers_dir"), Unknown):
        if files.providers is None or not config.external_providers_dir:
            registry.open = True
        else:
            add_directory(registry, files.providers, knowledge, findings, files.at_server)
    for api, provider_type in files.opaque_providers:
        registry.add_opaque(api, provider_type)
    add_modules(registry, config, knowledge, findings, loader)
    return config, knowledge, registry, apis


def _unknown_apis(
    config: RunConfig, known: frozenset[str] | set[str], knowledge: ReleaseKnowledge, findings: Findings
) -> set[str]:
    """Return the APIs that a config uses and an APIs directory may bring that cannot be read here."""
    names = {api: f"providers.{api}" for api in config.providers}
    if knowledge.behaviour.serves_unbacked_apis:
        names = {**{api: f"apis[{index}]" for index, api in enumerate(config.apis or ())}, **names}
    unknown = {api: path for api, path in names.items() if api not in known and meant_api(api, known) is None}
    for api, path in unknown.items():
        message = f"{knowledge.release} has no API `{api}`; where it should come from cannot be read here"
        correct = did_you_mean(api, known) or "or correct the name"
        hint = f"hand its file in with the manifest; {correct}"
        findings.warning(ProviderReason.RESOLVED_IN_IMAGE, message, path, api=api, hint=hint)
    return set(unknown)


def _check_present(config: RunConfig, knowledge: ReleaseKnowledge, files: ExternalFiles, findings: Findings) -> None:
    """Report the directories that will not be there: the release stops for want of the one of providers, unless
    `llama stack run` can make it; it only logs the other one. It stops where it may not look at one."""
    hint = "bring its files with `spec.externalProviders`, an image or a volume, or remove the key"
    if config.external_providers_dir and "external_providers_dir" in files.absent:
        fatal = files.read_only or not knowledge.behaviour.started_by_command
        report = findings.error if fatal else findings.warning
        message = f"{config.external_providers_dir} is not there" + ("" if fatal else ": the server makes an empty one")
        report(ModuleReason.SPEC_MISSING, message, "external_providers_dir", hint=hint)
    if config.external_apis_dir and "external_apis_dir" in files.absent:
        message = f"{config.external_apis_dir} is not there: no external API is known"
        hint = hint.replace("externalProviders", "externalApis")
        findings.warning(ModuleReason.SPEC_MISSING, message, "external_apis_dir", hint=hint)
    for key in files.closed:
        message = f"{config.raw[key]} is in a folder that this user may not enter: the server stops there"
        findings.error(ModuleReason.SPEC_MISSING, message, key, hint="let the server's user read it, or remove the key")
    for key in files.plain:
        message = f"{config.raw[key]} is no directory: nothing is read from it"
        findings.warning(ModuleReason.SPEC_MISSING, message, key, hint="name the directory that has the files")


def _add_api(
    registry: ProviderRegistry,
    config: RunConfig,
    name: str,
    data: Mapping[str, Any],
    loader: ModuleLoader | None,
    findings: Findings,
) -> None:
    if loader is None:
        registry.open_apis.add(name)
        return
    entries = [entry for entry in config.providers.get(name, ()) if not entry.disabled]
    specs = loader.api_providers(name, data, bool(entries), findings)
    if specs is None:
        registry.failed_types.update((name, entry.provider_type) for entry in entries)
    registry.types[name] = {spec.provider_type: RegisteredSpec(spec, "api") for spec in specs or ()}


def _plan(
    config: RunConfig, prepared: PreparedProviders, knowledge: ReleaseKnowledge, findings: Findings
) -> tuple[PlanStep, ...]:
    served = apis_to_serve(config.apis, prepared.by_key.keys(), knowledge)
    providers = {**prepared.by_key, **specs_for_autorouted_apis(served, knowledge)}
    check_apis(config, providers, prepared, knowledge, findings)
    check_spellings(config, providers, knowledge, findings)
    check_dependencies(providers, prepared, knowledge, findings)
    groups = {key: list(group.values()) for key, group in providers.items()}
    return make_plan(sort_providers_by_deps(groups, knowledge, findings))
