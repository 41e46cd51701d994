"""The check at pod start, before the server: real packages, real config, real environment.

It runs where the server will run, from a zipapp that the operator put there. Its report has the findings of
every other place plus the state of each provider. This is the check itself, in one process, which what it starts may
end at any time; `parent` starts it so that there is a report all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from llamastack_resolver.config.env import Environment
from llamastack_resolver.config.secret_values import SecretVariables, secret_values
from llamastack_resolver.config.server_config import server_config
from llamastack_resolver.findings import DOCUMENT, Finding, Findings, Severity, Whose
from llamastack_resolver.installed.release import InstalledModules, installed_knowledge
from llamastack_resolver.introspection import Layout, NotInstalledError, find_layout
from llamastack_resolver.knowledge import Protocol, ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.redact import Redactor
from llamastack_resolver.resolution import Resolution, resolve
from llamastack_resolver.start.compliance import ComplianceRules
from llamastack_resolver.start.directories import files_of_server
from llamastack_resolver.start.failure import InstantiationError
from llamastack_resolver.start.implementations import api_protocol_map
from llamastack_resolver.start.instantiate import ProviderState, import_provider, instantiate_providers, step_of
from llamastack_resolver.start.leftovers import report_leftovers
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.start.runtime import internal_impls, make_runtime
from llamastack_resolver.watching import at, redacting, watcher
from llamastack_resolver.yaml_io import read_value

Mode = Literal["instantiate", "import"]
Starting = Coroutine[Any, Any, list[ProviderState]]


class CannotRunError(RuntimeError):
    """The check could not be made; this says nothing about the config."""

    reason = StartReason.CHECK_FAILED


@dataclass(frozen=True)
class StartReport:
    """What the check found.

    Attributes:
        stack_version: the installed release.
        findings: everything there is to say, errors first.
        resolution: the plan, None where the config could not be read.
        providers: the state of each provider.
        redactor: blots out secrets.
        server_config: the run config for the server; None where the config could not be read.
    """

    stack_version: str
    findings: tuple[Finding, ...]
    resolution: Resolution | None = None
    providers: tuple[ProviderState, ...] = ()
    redactor: Redactor = field(default_factory=Redactor)
    server_config: Mapping[str, Any] | None = None

    @property
    def has_errors(self) -> bool:
        """Whether the server should not be started."""
        return Findings(self.findings).has_errors

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape, with the values of secrets blotted out."""
        order = [step.to_dict() for step in self.resolution.plan] if self.resolution else []
        data = {
            "stackVersion": self.stack_version,
            "order": order,
            "findings": [finding.to_dict() for finding in self.findings],
            "providers": [state.to_dict() for state in self.providers],
        }
        cleaned: dict[str, Any] = self.redactor.clean(data)
        return cleaned


def start_check(
    config: Path,
    mode: Mode = "instantiate",
    compliance: ComplianceRules | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: SecretVariables | None = None,
    run: Callable[[Starting], list[ProviderState]] = asyncio.run,
) -> StartReport:
    """Check a run config in the environment of its server.

    Args:
        config: the run config's file.
        mode: `instantiate` calls every factory as the server will; `import` stops after importing modules.
        compliance: how much disagreements with protocols matter.
        environment: the server's variables; default: this process's.
        secrets: which of them are secret; default: what their names say.
        run: runs what starts the providers.

    Raises:
        CannotRunError: the file cannot be read, or no release is installed.
    """
    variables = dict(os.environ if environment is None else environment)
    raw, findings = _read(config)
    known = secrets or SecretVariables()
    redactor = Redactor([*secret_values(raw, variables), *known.values(variables)])
    watcher().secrets(redactor)
    with redacting(redactor), quiet():
        return _checked(raw, findings, mode, compliance or ComplianceRules(), variables, redactor, run)


def _checked(
    raw: Any,
    findings: Findings,
    mode: Mode,
    compliance: ComplianceRules,
    variables: Mapping[str, str],
    redactor: Redactor,
    run: Callable[[Starting], list[ProviderState]],
) -> StartReport:
    layout = layout_here()
    knowledge = knowledge_of(layout, findings)
    watcher().ships(knowledge.specs_digest)
    if findings.has_errors:
        return StartReport(str(layout.release), tuple(findings.sorted()), redactor=redactor)
    modules = InstalledModules(layout)
    resolution = resolve(raw, knowledge, Environment(variables), files_of_server(raw, variables), modules)
    findings.extend(resolution.findings)
    watcher().found(findings)
    watcher().planned(_planned(resolution))
    states = _run(raw, resolution, mode, layout, knowledge, modules, compliance, findings, run)
    states += _left_out(resolution, states)
    config_for_server = server_config(raw, modules.import_names) if resolution.config is not None else None
    ordered = tuple(findings.sorted())
    return StartReport(str(layout.release), ordered, resolution, tuple(states), redactor, config_for_server)


def layout_here() -> Layout:
    """Return the layout of the installed release, after telling its name.

    Raises:
        CannotRunError: none is installed.
    """
    try:
        layout = find_layout()
    except NotInstalledError as error:
        raise CannotRunError(str(error)) from error
    watcher().release(str(layout.release))
    return layout


def knowledge_of(layout: Layout, findings: Findings) -> ReleaseKnowledge:
    """Return what the installed release ships, after warning of what of it cannot be imported."""
    problems: list[str] = []
    knowledge = installed_knowledge(layout, problems)
    for problem in problems:
        message = f"{layout.release} is damaged here: {problem}"
        hint = "install the release anew, with all that it needs"
        findings.warning(ModuleReason.MODULE_IMPORT_FAILED, message, DOCUMENT, hint=hint)
    return knowledge


def _run(
    raw: Any,
    resolution: Resolution,
    mode: Mode,
    layout: Layout,
    knowledge: ReleaseKnowledge,
    modules: InstalledModules,
    compliance: ComplianceRules,
    findings: Findings,
    run: Callable[[Starting], list[ProviderState]],
) -> list[ProviderState]:
    if mode == "import" or resolution.config is None:
        return _import_all(resolution, findings)
    # The release's own refusal would only repeat in other words what is reported already.
    repeated = Findings()
    knowledge = replace(knowledge, protocols=_protocols(knowledge, resolution))
    runtime = make_runtime(raw, layout, knowledge, modules, compliance, repeated)
    if runtime is None:
        if not findings.has_errors:
            findings.extend(repeated)
        return _import_all(resolution, findings)

    async def start() -> list[ProviderState]:
        internal = internal_impls(runtime, findings)
        refused = _refused(resolution)
        _, states = await instantiate_providers(resolution.plan, runtime, findings, internal, refused)
        await report_leftovers(resolution.plan, layout.release, findings)
        return states

    return run(start())


def _planned(resolution: Resolution) -> list[dict[str, Any]]:
    """Return the providers that are to be started, in the shape of their states."""
    steps = [(step.api, provider) for step in resolution.plan for provider in step.providers if provider.entry]
    return [ProviderState(api, provider, "Unproven").to_dict() for api, provider in steps]


def _left_out(resolution: Resolution, states: list[ProviderState]) -> list[ProviderState]:
    """Return the entries that no plan has, since nothing is known of their type."""
    if resolution.config is None:
        return []
    there = {state.provider.entry.path for state in states if state.provider.entry}
    refused = _refused(resolution)
    left_out = []
    for entry in resolution.config.entries():
        if entry.path in refused and entry.path not in there and entry.provider_id and not entry.disabled:
            spec = ProviderSpec(entry.api, entry.provider_type)
            provider = ProviderWithSpec(entry.provider_id, entry.provider_type, spec, entry)
            left_out.append(ProviderState(entry.api, provider, "Failed", refused[entry.path]))
    return left_out


def _protocols(knowledge: ReleaseKnowledge, resolution: Resolution) -> dict[str, Protocol]:
    protocols = dict(knowledge.protocols)
    for name, spec in resolution.apis.items():
        # The loader has said already why an external API cannot be imported.
        with contextlib.suppress(BaseException):
            protocols = api_protocol_map(replace(knowledge, protocols=protocols), {name: spec})
    return protocols


def _refused(resolution: Resolution) -> dict[str, str]:
    """Return the first error of each entry that has one, by the entry's path."""
    errors = [finding for finding in resolution.findings if finding.severity is Severity.ERROR]
    paths = [entry.path for entry in resolution.config.entries()] if resolution.config else []
    return {
        path: finding.message
        for finding in reversed(errors)
        for path in paths
        if finding.path == path or finding.path.startswith(f"{path}.")
    }


def _import_all(resolution: Resolution, findings: Findings) -> list[ProviderState]:
    states = []
    for step in resolution.plan:
        for provider in step.providers:
            if provider.entry is None:
                continue
            try:
                with at(step_of(step.api, provider, "importing", ModuleReason.MODULE_IMPORT_FAILED)):
                    import_provider(provider)
                states.append(ProviderState(step.api, provider, "Imported"))
            except InstantiationError as error:
                whose: Whose = {"api": step.api, "provider": provider.provider_id}
                findings.error(error.reason, str(error), provider.entry.path, hint=error.hint, **whose)
                states.append(ProviderState(step.api, provider, "Failed", str(error)))
            watcher().state(states[-1].to_dict())
            watcher().found(findings)
    return states


def _read(config: Path) -> tuple[Any, Findings]:
    try:
        content = config.read_bytes()
    except OSError as error:
        raise CannotRunError(f"{config}: {error.strerror or error}") from error
    return read_value(content)


@contextlib.contextmanager
def quiet() -> Any:
    """Keep what releases and providers print out of the standard output: that may be a report's."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
