"""The provider registry: which provider types there are, from the four sources that a release reads.

Built-in providers come from the release, the others from `external_providers_dir`, from `module:` entries and
from external APIs. Offline a module is not installed; its providers then stand in the registry as opaque:
they exist, and what they need is found out in the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from llamastack_resolver.config.run_config import ProviderEntry, RunConfig
from llamastack_resolver.findings import Findings, Reason, Whose
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.requirements import MODULE_CURE, ModuleRequirement, RequirementError, parse_module
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean

Origin = Literal["builtin", "module", "directory", "routed"]
_OTHER_VERSION = "use a version of the package that is made for this release"


@dataclass(frozen=True)
class RegisteredSpec:
    """A provider spec and where it came from.

    Attributes:
        spec: what is known of the provider.
        origin: builtin, module or directory.
        opaque: nothing but its existence is known (its module is not installed here).
        module_version: installed version of the module's distribution.
    """

    spec: ProviderSpec
    origin: Origin
    opaque: bool = False
    module_version: str | None = None


@dataclass
class ProviderRegistry:
    """Provider types by API; entries with a `module:` have a spec of their own.

    Attributes:
        types: spec by API and provider type.
        by_entry: spec of an entry with a module, by the entry's path.
        failed: paths of entries whose module was refused; a finding says why.
        failed_types: API and type of directory files that were refused; a finding says why.
        passed_over: path of the file of an API and type that the release does not read for its name's ending.
        open_apis: external APIs, whose own providers are not known here.
        guessed_apis: those of them of which nothing is known but that the config uses them; a finding says so.
        open: types of unknown names may exist (a providers directory that cannot be read here).
        apis_open: APIs of unknown names may exist (an APIs directory that cannot be read here).
    """

    types: dict[str, dict[str, RegisteredSpec]]
    by_entry: dict[str, RegisteredSpec] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    failed_types: set[tuple[str, str]] = field(default_factory=set)
    passed_over: dict[tuple[str, str], str] = field(default_factory=dict)
    open_apis: set[str] = field(default_factory=set)
    guessed_apis: set[str] = field(default_factory=set)
    open: bool = False
    apis_open: bool = False

    def lookup(self, entry: ProviderEntry) -> RegisteredSpec | None:
        """Return the spec that the release would use for an entry."""
        return self.by_entry.get(entry.path) or self.types.get(entry.api, {}).get(entry.provider_type)

    def may_exist(self, entry: ProviderEntry) -> bool:
        """Whether a type that is not known here may come from what cannot be read here."""
        return self.open or entry.api in self.open_apis

    def refused(self, entry: ProviderEntry) -> bool:
        """Whether a finding says already why the spec of an entry cannot be used."""
        if entry.path in self.failed:
            return True
        return entry.path not in self.by_entry and (entry.api, entry.provider_type) in self.failed_types

    def add_opaque(self, api: str, provider_type: str) -> None:
        """Add a provider of a directory of which nothing but its existence is known."""
        spec = ProviderSpec.from_dict(api, provider_type, {})
        self.types.setdefault(api, {})[provider_type] = RegisteredSpec(spec, "directory", opaque=True)


class ModuleLoader(Protocol):
    """Asks an installed module for its provider specs."""

    def load(
        self, entry: ProviderEntry, requirement: ModuleRequirement, findings: Findings
    ) -> list[ProviderSpec] | None:
        """Return the specs, or None after adding a finding that says why there are none."""

    def version(self, requirement: ModuleRequirement) -> str | None:
        """Return the installed version, None where it cannot be told."""

    def api_providers(self, name: str, data: Mapping[str, Any], findings: Findings) -> list[ProviderSpec]:
        """Return the providers that the module of an external API brings itself."""


def builtin_registry(knowledge: ReleaseKnowledge) -> ProviderRegistry:
    """Return the registry of a release with nothing added."""
    types: dict[str, dict[str, RegisteredSpec]] = {api: {} for api in knowledge.providable_apis}
    for api, specs in knowledge.providers.items():
        types[api] = {name: RegisteredSpec(spec, "builtin") for name, spec in specs.items()}
    return ProviderRegistry(types)


def add_modules(
    registry: ProviderRegistry,
    config: RunConfig,
    knowledge: ReleaseKnowledge,
    findings: Findings,
    loader: ModuleLoader | None = None,
) -> None:
    """Add what the `module:` entries of a config bring.

    Args:
        registry: the registry to add to.
        config: the run config.
        knowledge: its release.
        findings: where the findings go.
        loader: asks installed modules; None where nothing is installed (offline).
    """
    for entry in config.entries():
        if entry.module is None or entry.api not in registry.types:
            continue
        if entry.disabled and not _imported_although_disabled(entry):
            continue
        try:
            requirement = parse_module(entry.module)
        except RequirementError as error:
            _refuse(registry, entry, findings, ModuleReason.MODULE_NOT_FOUND, str(error), MODULE_CURE)
            continue
        if not _supported(entry, requirement, knowledge, registry, findings):
            continue
        if loader is None:
            registry.by_entry[entry.path] = _opaque(entry, requirement, findings)
            continue
        specs = loader.load(entry, requirement, findings)
        if specs is None:
            registry.failed.add(entry.path)
        else:
            _register(registry, entry, specs, loader.version(requirement), findings)


def _imported_although_disabled(entry: ProviderEntry) -> bool:
    """Releases import the module of an entry without an id, though they skip the provider itself."""
    return not entry.provider_id


def _supported(
    entry: ProviderEntry,
    requirement: ModuleRequirement,
    knowledge: ReleaseKnowledge,
    registry: ProviderRegistry,
    findings: Findings,
) -> bool:
    release = knowledge.release
    if not knowledge.behaviour.knows_modules:
        message = f"{release} does not know `module:`"
        _refuse(registry, entry, findings, ConfigReason.UNSUPPORTED_VERSION, message, "use llama-stack 0.2.16 or newer")
        return False
    if not requirement.plain:
        findings.warning(
            ModuleReason.SPEC_MISMATCH,
            f"the server of {release} cannot read `module: {entry.module}`: only an import name and `==`",
            f"{entry.path}.module",
            api=entry.api,
            provider=entry.provider_id,
            hint="the operator hands the server the import name; elsewhere write that, pin on install",
        )
    return True


def _opaque(entry: ProviderEntry, requirement: ModuleRequirement, findings: Findings) -> RegisteredSpec:
    findings.info(
        ProviderReason.RESOLVED_IN_IMAGE,
        f"what {requirement.name} provides is looked at where it is installed",
        f"{entry.path}.module",
        api=entry.api,
        provider=entry.provider_id,
        hint=None,
    )
    spec = ProviderSpec.from_dict(entry.api, entry.provider_type, {"module": requirement.name})
    return RegisteredSpec(spec, "module", opaque=True)


def _register(
    registry: ProviderRegistry,
    entry: ProviderEntry,
    specs: list[ProviderSpec],
    version: str | None,
    findings: Findings,
) -> None:
    path = f"{entry.path}.provider_type"
    whose: Whose = {"api": entry.api, "provider": entry.provider_id}
    right_api = [spec for spec in specs if spec.api == entry.api]
    if not right_api:
        apis = ", ".join(sorted({spec.api for spec in specs}))
        registry.failed.add(entry.path)
        findings.error(
            ModuleReason.SPEC_MISMATCH,
            f"{entry.module} provides {apis}, not {entry.api}",
            path,
            hint=f"move the entry to `providers.{specs[0].api}`" if specs else _OTHER_VERSION,
            **whose,
        )
        return
    for spec in right_api:
        if spec.provider_type == entry.provider_type:
            registry.by_entry[entry.path] = RegisteredSpec(spec, "module", module_version=version)
            return
    names = [spec.provider_type for spec in right_api]
    registry.failed.add(entry.path)
    findings.error(
        ModuleReason.SPEC_MISMATCH,
        f"{entry.module} provides {', '.join(names)}, not {entry.provider_type}",
        path,
        hint=did_you_mean(entry.provider_type, names) or f"set provider_type to {names[0]}",
        **whose,
    )


def _refuse(
    registry: ProviderRegistry,
    entry: ProviderEntry,
    findings: Findings,
    reason: Reason,
    message: str,
    hint: str,
) -> None:
    registry.failed.add(entry.path)
    findings.error(reason, message, f"{entry.path}.module", api=entry.api, provider=entry.provider_id, hint=hint)


def shadowed_types(registry: ProviderRegistry, added: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return API and type of built-in providers that `added` (types by API) replaces."""
    return [
        (api, name)
        for api, names in added.items()
        for name in sorted(names)
        if name in registry.types.get(api, {}) and registry.types[api][name].origin == "builtin"
    ]
