"""The provider registry: which provider types there are, from the four sources that a release reads.

Built-in providers come from the release, the others from `external_providers_dir`, from `module:` entries and
from external APIs. Offline a module is not installed; its providers then stand in the registry as opaque:
they exist, and what they need is found out in the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from llamastack_resolver.config.run_config import ProviderEntry, RunConfig
from llamastack_resolver.findings import Findings, Reason, Whose
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.requirements import (
    MODULE_CURE,
    ModuleRequirement,
    RequirementError,
    check_module,
    parse_module,
)
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean

Origin = Literal["builtin", "module", "directory", "api", "routed"]
_OTHER_VERSION = "use a version of the package that is made for this release"


class RegisteredSpec(NamedTuple):
    """A provider spec and where it came from.

    Attributes:
        spec: what is known of the provider.
        origin: builtin, module, directory, or api where the module of an external API brings it.
        opaque: nothing but its existence is known (its module is not installed here).
        module_version: installed version of the module's distribution.
        module_entry: path of the entry whose `module:` brought it; entries without one may use it too.
    """

    spec: ProviderSpec
    origin: Origin
    opaque: bool = False
    module_version: str | None = None
    module_entry: str | None = None


@dataclass
class ProviderRegistry:
    """Provider types by API. A spec that a `module:` brings is there for every entry of its type, as upstream has it.

    Attributes:
        types: spec by API and provider type.
        failed: paths of entries whose module was refused; a finding says why.
        failed_types: API and type of directory files and modules that were refused; a finding says why.
        replaced: the built-in specs in whose place a module's stands.
        passed_over: path of the file of an API and type that the release does not read for its name's ending.
        open_apis: external APIs, whose own providers are not known here.
        guessed_apis: those of them of which nothing is known but that the config uses them; a finding says so.
        open: types of unknown names may exist (a providers directory that cannot be read here).
        apis_open: APIs of unknown names may exist (an APIs directory that cannot be read here).
    """

    types: dict[str, dict[str, RegisteredSpec]]
    failed: set[str] = field(default_factory=set)
    failed_types: set[tuple[str, str]] = field(default_factory=set)
    replaced: dict[tuple[str, str], RegisteredSpec] = field(default_factory=dict)
    passed_over: dict[tuple[str, str], str] = field(default_factory=dict)
    open_apis: set[str] = field(default_factory=set)
    guessed_apis: set[str] = field(default_factory=set)
    open: bool = False
    apis_open: bool = False

    def lookup(self, entry: ProviderEntry) -> RegisteredSpec | None:
        """Return the spec that the release would use for an entry."""
        return self.types.get(entry.api, {}).get(entry.provider_type)

    def may_exist(self, entry: ProviderEntry) -> bool:
        """Whether a type that is not known here may come from what cannot be read here."""
        return self.open or entry.api in self.open_apis

    def refused(self, entry: ProviderEntry) -> bool:
        """Whether a finding says already why the spec of an entry cannot be used."""
        if entry.path in self.failed:
            return True
        registered = self.lookup(entry)
        from_module = registered is not None and registered.origin == "module"
        return not from_module and (entry.api, entry.provider_type) in self.failed_types

    def add_module(self, entry: ProviderEntry, registered: RegisteredSpec) -> RegisteredSpec | None:
        """Put the spec that an entry's module brings in the place of any other one of its type.

        Returns:
            The spec of another entry's module that is lost by that.
        """
        types = self.types[entry.api]
        before = types.get(entry.provider_type)
        if before is not None and before.origin == "builtin":
            self.replaced[entry.api, entry.provider_type] = before
        types[entry.provider_type] = registered
        return before if before is not None and before.origin == "module" else None

    def refuse(self, entry: ProviderEntry) -> None:
        """Keep in mind that the module of an entry cannot be used; a finding says why."""
        self.failed.add(entry.path)
        self.failed_types.add((entry.api, entry.provider_type))

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

    def api_providers(
        self, name: str, data: Mapping[str, Any], used: bool, findings: Findings
    ) -> list[ProviderSpec] | None:
        """Return the providers that the module of an external API brings itself, or None after adding the error
        that keeps its providers from starting."""


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
            # Where it is installed already, only its name matters.
            requirement = check_module(entry.module) if loader is None else parse_module(entry.module)
        except RequirementError as error:
            _refuse(registry, entry, findings, ModuleReason.REQUIREMENT_INVALID, str(error), error.hint or MODULE_CURE)
            continue
        if not _supported(entry, requirement, knowledge, registry, findings):
            continue
        if loader is None:
            _share(registry, entry, _opaque(entry, requirement, findings), findings)
            continue
        specs = loader.load(entry, requirement, findings)
        if specs is None:
            registry.refuse(entry)
        else:
            _register(registry, entry, specs, loader.version(requirement), findings)


def _share(registry: ProviderRegistry, entry: ProviderEntry, registered: RegisteredSpec, findings: Findings) -> None:
    lost = registry.add_module(entry, registered)
    if lost is None or lost.spec.module == registered.spec.module:
        return
    findings.warning(
        ProviderReason.SHADOWED_PROVIDER,
        f"{entry.module} replaces what {lost.module_entry}.module brings: {entry.provider_type} is one for all entries",
        f"{entry.path}.module",
        api=entry.api,
        provider=entry.provider_id,
        hint="name one module for the type",
    )


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
    return RegisteredSpec(spec, "module", opaque=True, module_entry=entry.path)


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
        registry.refuse(entry)
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
            registered = RegisteredSpec(spec, "module", module_version=version, module_entry=entry.path)
            _share(registry, entry, registered, findings)
            return
    names = [spec.provider_type for spec in right_api]
    registry.refuse(entry)
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
    registry.refuse(entry)
    findings.error(reason, message, f"{entry.path}.module", api=entry.api, provider=entry.provider_id, hint=hint)


def shadowed_types(registry: ProviderRegistry, added: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return API and type of built-in providers that `added` (types by API) replaces."""
    return [
        (api, name)
        for api, names in added.items()
        for name in sorted(names)
        if name in registry.types.get(api, {}) and registry.types[api][name].origin == "builtin"
    ]
