"""The check of an installed module for its author: what a stack would find out one start after the other.

Without a config nothing is started: specs, config classes and factories are looked at, and the class of a provider
where the source of its factory tells it. With one, a provider is started by the check at a pod's start itself, from a
run config that has nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.config.server_config import dump
from llamastack_resolver.findings import Findings, Severity, Whose
from llamastack_resolver.installed.modules import are_usable, distribution_of
from llamastack_resolver.installed.release import InstalledModules
from llamastack_resolver.introspection import Layout
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.providers.registry import ProviderRegistry, RegisteredSpec, builtin_registry
from llamastack_resolver.providers.requirements import ModuleRequirement, RequirementError, parse_module
from llamastack_resolver.providers.validation import ProviderWithSpec, validate_provider
from llamastack_resolver.redact import Redactor
from llamastack_resolver.start.check import (
    CannotRunError,
    Starting,
    StartReport,
    knowledge_of,
    layout_here,
    start_check,
)
from llamastack_resolver.start.instantiate import ProviderState
from llamastack_resolver.start.module_look import look_at
from llamastack_resolver.watching import watcher
from llamastack_resolver.yaml_io import read_value

_OTHER_API = "name an API of the release in the spec, or bring your own by `external_apis_dir`"


@dataclass(frozen=True)
class Asked:
    """What is asked.

    Attributes:
        module: as a run config names it in `module:`.
        provider_type: the only one of its types that is looked at, or `api/type`.
        config: a file with the `config` of a provider, which is then started.
        scratch: a folder for what a start needs.
    """

    module: str
    provider_type: str | None = None
    config: Path | None = None
    scratch: Path | None = None

    def means(self, spec: ProviderSpec) -> bool:
        """Whether a spec is looked at."""
        return self.provider_type in (None, spec.provider_type, f"{spec.api}/{spec.provider_type}")


def check_module(
    asked: Asked, redactor: Redactor, run: Callable[[Starting], list[ProviderState]] = asyncio.run
) -> StartReport:
    """Check a module against the installed release.

    Args:
        asked: the module, and how far to go.
        redactor: blots out secrets.
        run: runs what starts a provider.

    Raises:
        CannotRunError: there is no release here, or nothing of the module that was asked for.
    """
    layout, findings = layout_here(), Findings()
    requirement = _requirement(asked.module)
    config = None if asked.config is None else _config(asked.config)
    knowledge = knowledge_of(layout, findings)
    loader = InstalledModules(layout)
    specs = loader.load(ProviderEntry("", None, "", {}, asked.module, ""), requirement, findings)
    if specs is None or not are_usable(specs, requirement, "module", findings):
        return StartReport(str(layout.release), tuple(findings.sorted()), redactor=redactor)
    chosen = [spec for spec in specs if asked.means(spec)]
    if not chosen or (config is not None and len(chosen) > 1):
        names = ", ".join(f"{spec.api}/{spec.provider_type}" for spec in specs)
        what = "has several providers" if chosen else f"has no {asked.provider_type}"
        raise CannotRunError(f"{asked.module} {what}: choose one with --type: {names}")
    entries = _entries(chosen, asked.module, config or {})
    registry = _registry(entries, chosen, requirement, loader, knowledge)
    providers = [_judged(entry, registry, knowledge, findings) for entry in entries]
    watcher().found(findings)
    watcher().planned(ProviderState(one.spec.api, one, "Unproven").to_dict() for one in providers if one)
    states = [one for one in (look_at(p, knowledge, findings, config is None) for p in providers if p) if one]
    if config is None or findings.has_errors or asked.scratch is None:
        return StartReport(str(layout.release), tuple(findings.sorted()), None, tuple(states), redactor)
    return _started(entries[0], chosen[0], asked.scratch, layout, findings, run)


def _requirement(module: str) -> ModuleRequirement:
    try:
        return parse_module(module)
    except RequirementError as error:
        raise CannotRunError(str(error)) from error


def _config(file: Path) -> dict[str, Any]:
    try:
        value, findings = read_value(file.read_bytes())
    except OSError as error:
        raise CannotRunError(f"{file}: {error.strerror or error}") from error
    if findings.has_errors or not isinstance(value, dict):
        why = next((finding.message for finding in findings), "the `config` of a provider is a mapping")
        raise CannotRunError(f"{file}: {why}")
    return value


def _entries(specs: list[ProviderSpec], module: str, config: dict[str, Any]) -> list[ProviderEntry]:
    """Return the entries of a run config that has one for each spec; their ids are the types."""
    entries: list[ProviderEntry] = []
    for spec in specs:
        number = sum(entry.api == spec.api for entry in entries)
        path = f"providers.{spec.api}[{number}]"
        entries.append(ProviderEntry(spec.api, spec.provider_type, spec.provider_type, config, module, path))
    return entries


def _registry(
    entries: list[ProviderEntry],
    specs: list[ProviderSpec],
    requirement: ModuleRequirement,
    loader: InstalledModules,
    knowledge: ReleaseKnowledge,
) -> ProviderRegistry:
    registry = builtin_registry(knowledge)
    version = distribution_of(requirement, loader.import_names[""])[1]
    for entry, spec in zip(entries, specs, strict=True):
        if entry.api in registry.types:
            registered = RegisteredSpec(spec, "module", module_version=version, module_entry=entry.path)
            registry.add_module(entry, registered)
    return registry


def _judged(
    entry: ProviderEntry, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> ProviderWithSpec | None:
    """Return an entry as a run config would have it, None after saying why it could not."""
    if entry.api in registry.types:
        return validate_provider(entry, registry, knowledge, findings)
    release, whose = knowledge.release, Whose(api=entry.api, provider=entry.provider_id)
    known = entry.api in knowledge.apis
    message = f"`{entry.api}` takes no providers in {release}" if known else f"{release} has no API `{entry.api}`"
    findings.error(ProviderReason.UNKNOWN_API, message, f"providers.{entry.api}", hint=_OTHER_API, **whose)
    return None


def _started(
    entry: ProviderEntry,
    spec: ProviderSpec,
    scratch: Path,
    layout: Layout,
    findings: Findings,
    run: Callable[[Starting], list[ProviderState]],
) -> StartReport:
    """Start a provider that needs no other, by the check at a pod's start.

    Raises:
        CannotRunError: it needs others, or the release does not even start without it.
    """
    if spec.api_dependencies:
        needs, check = ", ".join(spec.api_dependencies), "python -m llamastack_resolver start-check --config"
        raise CannotRunError(f"{spec.provider_type} needs {needs}: name all in a run config, and start it by `{check}`")
    provider = {"provider_id": entry.provider_id, "provider_type": entry.provider_type, "module": entry.module}
    raw: dict[str, Any] = {"version": 2, "image_name": "check-provider"}
    raw["providers"] = {entry.api: [{**provider, "config": dict(entry.config)}]}
    if "storage" in layout.run_config_class.model_fields:
        raw["storage"] = _storage(scratch)
    file = scratch / "run.yaml"
    file.write_text(dump(raw), "utf-8")
    report = start_check(file, run=run)
    about_it = [finding for finding in report.findings if finding.path.startswith("providers")]
    findings.extend(about_it)
    around = [one for one in report.findings if one not in about_it and one.severity is Severity.ERROR]
    if around and not findings.has_errors:
        # The config is ours but for the provider.
        raise CannotRunError(f"no provider can be started here: {around[0].message}")
    return replace(report, findings=tuple(findings.sorted()))


def _storage(scratch: Path) -> dict[str, Any]:
    stores = {name: {"backend": "sql_default", "table_name": name} for name in ("inference", "conversations")}
    return {
        "backends": {
            "kv_default": {"type": "kv_sqlite", "db_path": str(scratch / "kv.db")},
            "sql_default": {"type": "sql_sqlite", "db_path": str(scratch / "sql.db")},
        },
        "stores": {"metadata": {"backend": "kv_default", "namespace": "registry"}, **stores},
    }
