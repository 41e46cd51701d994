"""The installed release: its knowledge by introspection, and the providers that installed modules bring.

It fills the same classes as the catalog, so that `resolve` works on it unchanged. Only this module and
`introspection` import anything of llama_stack or ogx, and only when they are asked to.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings, Reason, Whose
from llamastack_resolver.installed.errors import describe_error, is_ours, tell_error
from llamastack_resolver.installed.lacking import lack_of
from llamastack_resolver.introspection import (
    Layout,
    describe_config_class,
    describe_release,
    describe_spec,
    find_layout,
)
from llamastack_resolver.introspection.configs import describe_class
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.requirements import ModuleRequirement, import_names, installed_version
from llamastack_resolver.watching import Step, at, watcher

_OTHER_VERSION = "use another version of the package, or ask its author"
# What the release logs, and goes on, where the module of an external API raises it.
_LOGGED = (ImportError, AttributeError)


def import_release() -> None:
    """Import what provider modules import first: the installed release's spec classes and API.

    Raises:
        NotInstalledError: no release of Llama Stack is installed.
    """
    root = find_layout().root
    for name in (f"{root}_api", f"{root}.providers.datatypes"):
        # Each release has one of them at least; what cannot be imported, a module that needs it tells.
        with suppress(Exception):
            importlib.import_module(name)


class LazySchemas(Mapping[str, Mapping[str, Any]]):
    """Schemas of config classes, made when they are asked for: a pod needs few of them, and they take
    time."""

    def __init__(self, layout: Layout, run_config_class: str) -> None:
        self._layout = layout
        self._run_config_class = run_config_class
        self._made: dict[str, Mapping[str, Any] | None] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self._made:
            self._made[name] = self._make(name)
        schema = self._made[name]
        if schema is None:
            raise KeyError(name)
        return schema

    def _make(self, name: str) -> Mapping[str, Any] | None:
        try:
            if name == self._run_config_class:
                return describe_class(self._layout.run_config_class)
            return describe_config_class(name)
        except BaseException:
            # What is wrong with the class is reported where the provider is instantiated, with its cause.
            return None

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def installed_knowledge(layout: Layout | None = None, problems: list[str] | None = None) -> ReleaseKnowledge:
    """Return what the installed release ships.

    Args:
        layout: where it keeps its parts; default: found.
        problems: takes what could not be imported; None makes that an error.

    Raises:
        NotInstalledError: no release is installed.
        IntrospectionError: `problems` is None, and parts could not be imported.
    """
    layout = layout or find_layout()
    core = describe_release(layout, problems)
    schemas = LazySchemas(layout, core["run_config_class"])
    return ReleaseKnowledge.from_dict(core, lambda part: schemas if part == "schemas" else {})


class InstalledModules:
    """Asks the modules of external providers for their specs (a `ModuleLoader`).

    Attributes:
        specs: the release's own spec objects, by the path of the entry whose module brings them, or by external
            API, and provider type.
        import_names: import name of each entry's module, by the entry's path.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.specs: dict[tuple[str, str], Any] = {}
        self.import_names: dict[str, str] = {}

    def version(self, requirement: ModuleRequirement) -> str | None:
        """Return the installed version of the module's distribution."""
        return installed_version(requirement)

    def load(
        self, entry: ProviderEntry, requirement: ModuleRequirement, findings: Findings
    ) -> list[ProviderSpec] | None:
        """Return the specs of `<module>.provider.get_provider_spec()`, or None after saying why there are
        none."""
        doing, path = f"importing {requirement.name}", _path_of(entry)
        whose = (entry.api, entry.provider_id or "", entry.provider_type)
        with at(Step(doing, ModuleReason.MODULE_IMPORT_FAILED, path, *whose)):
            specs = self._load(entry, requirement, findings)
        watcher().found(findings)
        return specs

    def _load(
        self, entry: ProviderEntry, requirement: ModuleRequirement, findings: Findings
    ) -> list[ProviderSpec] | None:
        report = _Report(entry, findings)
        name = _importable(requirement, report)
        if name is None:
            return None
        module = _import(f"{name}.provider", report)
        if module is None:
            return None
        self.import_names[entry.path] = name
        report.version(requirement)
        function = getattr(module, "get_provider_spec", None)
        if not callable(function):
            hint = "the module has to define get_provider_spec(); ask its author, or use another version"
            report.error(ModuleReason.SPEC_MISSING, f"{name}.provider has no get_provider_spec()", hint)
            return None
        try:
            returned = function()
        except BaseException as error:
            tell_error(error)
            message = f"{name}.provider.get_provider_spec() failed: {describe_error(error, name)}"
            report.error(ModuleReason.MODULE_IMPORT_FAILED, message, _OTHER_VERSION)
            return None
        return self._described(returned, entry, report)

    def _described(self, returned: Any, entry: ProviderEntry, report: _Report) -> list[ProviderSpec] | None:
        release = self._layout.release
        if isinstance(returned, list) and not Behaviour.of(release).takes_spec_lists:
            message = f"get_provider_spec() returns a list, and {release} takes a single spec"
            report.error(ModuleReason.SPEC_MISMATCH, message, "use llama-stack 0.3.0 or newer")
            return None
        specs = []
        for spec in returned if isinstance(returned, list) else [returned]:
            try:
                data = describe_spec(spec)
            except Exception as error:
                if is_ours(error) and not isinstance(error, AttributeError | TypeError):
                    raise
                message = f"get_provider_spec() returns {type(spec).__name__}: {describe_error(error)}"
                report.error(ModuleReason.SPEC_MISMATCH, message, "it has to return provider specs")
                return None
            if not data.get("module"):
                message = f"the spec of {data['provider_type']} names no module"
                report.error(
                    ModuleReason.SPEC_MISSING, message, "the package is made for other releases of Llama Stack"
                )
                return None
            self.specs[entry.path, data["provider_type"]] = spec
            specs.append(ProviderSpec.from_dict(data["api"], data["provider_type"], data))
        return specs

    def api_providers(
        self, name: str, data: Mapping[str, Any], used: bool, findings: Findings
    ) -> list[ProviderSpec] | None:
        """Add an external API to the release, and return the providers that its module brings.

        The release only logs what cannot be imported: it matters where a provider of the API is to start.

        Args:
            name: the API.
            data: its spec.
            used: whether the config has a provider of it that is to start.
            findings: where the findings go.

        Returns:
            None after adding an error.
        """
        path = f"external_apis_dir:{name}"
        with at(Step(f"importing the external API {name}", ModuleReason.MODULE_IMPORT_FAILED, path, name)):
            described = self._api_providers(name, data, used, findings, path)
        watcher().found(findings)
        return described

    def _api_providers(
        self, name: str, data: Mapping[str, Any], used: bool, findings: Findings, path: str
    ) -> list[ProviderSpec] | None:
        self._layout.api.add(name)
        hint = f"install the package that brings {data['module']}, in a version for this release"
        try:
            module = importlib.import_module(data["module"])
            getattr(module, data["protocol"])
        except BaseException as error:
            absent = _is_absent(error, data["module"])
            reason = ModuleReason.MODULE_NOT_FOUND if absent else ModuleReason.MODULE_IMPORT_FAILED
            message = f"external API {name}: {describe_error(error, data['module'])}"
            tell_error(error)
            if not used and isinstance(error, _LOGGED):
                findings.info(reason, f"{message}; nothing uses it", path, api=name, hint=hint)
                return []
            findings.error(reason, message, path, api=name, hint=hint)
            return None
        specs = {}
        try:
            for spec in getattr(module, "available_providers", list)():
                specs[spec.provider_type] = spec
            described = [ProviderSpec.from_dict(name, kind, describe_spec(spec)) for kind, spec in specs.items()]
        except BaseException as error:
            tell_error(error)
            message = f"{data['module']}.available_providers(): {describe_error(error, data['module'])}"
            if not isinstance(error, _LOGGED):
                findings.error(ModuleReason.MODULE_IMPORT_FAILED, message, path, api=name, hint=_OTHER_VERSION)
                return None
            # Upstream's own example has this fault on every release.
            hint = "bring its providers by `module:` or external_providers_dir, as the release passes over the fault"
            findings.info(ModuleReason.MODULE_IMPORT_FAILED, message, path, api=name, hint=hint)
            return []
        self.specs.update({(name, kind): spec for kind, spec in specs.items()})
        return described


class _Report:
    """Adds findings about one entry's module."""

    def __init__(self, entry: ProviderEntry, findings: Findings) -> None:
        self._entry = entry
        self._findings = findings

    def error(self, reason: Reason, message: str, hint: str) -> None:
        whose: Whose = {"api": self._entry.api, "provider": self._entry.provider_id}
        self._findings.error(reason, message, _path_of(self._entry), hint=hint, **whose)

    def version(self, requirement: ModuleRequirement) -> None:
        """Upstream never compares the pin with what is installed."""
        installed = installed_version(requirement)
        pinned = requirement.specifier.removeprefix("==")
        exact = requirement.specifier.startswith("==") and "," not in pinned and "*" not in pinned
        if installed and exact and pinned != installed:
            self._findings.warning(
                ModuleReason.REQUIREMENT_CONFLICT,
                f"{requirement.name} {installed} is installed, and {pinned} is asked for",
                _path_of(self._entry),
                api=self._entry.api,
                provider=self._entry.provider_id,
                hint="install what is asked for, or ask for what is installed",
            )


def _path_of(entry: ProviderEntry) -> str:
    """Return where an entry names its module; one that stands in no config has no path."""
    return f"{entry.path}.module" if entry.path else "module"


def _importable(requirement: ModuleRequirement, report: _Report) -> str | None:
    """Return the import name that has a `provider` module."""
    present = []
    for name in import_names(requirement):
        try:
            if importlib.util.find_spec(name) is None:
                continue
            present.append(name)
            if importlib.util.find_spec(f"{name}.provider") is not None:
                return name
        except ModuleNotFoundError as error:
            if error.name and not _is_inside(name, error.name):
                _import_failed(name, error, report)
                return None
        except BaseException as error:
            _import_failed(name, error, report)
            return None
    if present or installed_version(requirement):
        message = f"{requirement.name} is installed, but has no `provider` module"
        hint = "it is no provider package, or the provider is in a sub-package: module: package.subpackage"
        report.error(ModuleReason.SPEC_MISSING, message, hint)
    else:
        hint = "install it, or correct its name; an import name may differ from the package's"
        report.error(ModuleReason.MODULE_NOT_FOUND, f"{requirement.name} is not installed here", hint)
    return None


def _import(name: str, report: _Report) -> Any:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        _import_failed(name, error, report)
        return None


def _import_failed(name: str, error: BaseException, report: _Report) -> None:
    """Report an import that failed."""
    tell_error(error)
    lack = lack_of(name, error)
    what = f" ({lack.what})" if lack and lack.what else ""
    message = f"importing {name} failed: {describe_error(error, name)}{what}"
    report.error(ModuleReason.MODULE_IMPORT_FAILED, message, lack.cure if lack else _OTHER_VERSION)


def _is_absent(error: BaseException, module: str) -> bool:
    return isinstance(error, ModuleNotFoundError) and bool(error.name) and _is_inside(module, str(error.name))


def _is_inside(module: str, package: str) -> bool:
    """Whether a dotted name is a package or something in it; `llama_stack_x` is not in `llama_stack`."""
    return module == package or module.startswith(f"{package}.")
