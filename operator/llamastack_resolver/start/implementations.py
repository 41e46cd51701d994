"""From a run config to running implementations, in an environment that has the release installed.

These are the seed's own entry points (`resolve_impls`, `api_protocol_map`), with its semantics; what upstream
raises one by one is raised here all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.config.env import Environment
from llamastack_resolver.findings import Findings, Severity
from llamastack_resolver.installed.release import InstalledModules, installed_knowledge
from llamastack_resolver.introspection import Layout, describe_protocol, find_layout
from llamastack_resolver.introspection.configs import load_class
from llamastack_resolver.knowledge import Protocol, ReleaseKnowledge
from llamastack_resolver.providers.validation import InvalidProviderError
from llamastack_resolver.resolution import ExternalFiles, resolve
from llamastack_resolver.start.compliance import ComplianceRules
from llamastack_resolver.start.instantiate import instantiate_providers
from llamastack_resolver.start.runtime import internal_impls, make_runtime


def api_protocol_map(
    knowledge: ReleaseKnowledge, external_apis: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Protocol]:
    """Return the protocol of each API.

    Args:
        knowledge: the release.
        external_apis: external API specs by name; their modules have to be installed.

    Raises:
        ImportError, AttributeError: an external API's module or protocol is not there (upstream only logs
        it).
    """
    protocols = dict(knowledge.protocols)
    for name, spec in (external_apis or {}).items():
        protocols[name] = Protocol.from_dict(describe_protocol(load_class(f"{spec['module']}.{spec['protocol']}")))
    return protocols


async def resolve_impls(
    run_config: Mapping[str, Any],
    environment: Environment,
    files: ExternalFiles | None = None,
    compliance: ComplianceRules | None = None,
    layout: Layout | None = None,
) -> tuple[dict[str, Any], Findings]:
    """Validate, order and start the providers of a run config.

    Args:
        run_config: the run config with its references, as YAML gives it.
        environment: the variables; the release itself reads those of this process.
        files: external providers and APIs.
        compliance: how much disagreements with protocols matter.
        layout: the installed release; default: found.

    Returns:
        The implementations by API, and what is not an error.

    Raises:
        InvalidProviderError: there are errors; the message has one line for each.
        NotInstalledError: no release is installed.
    """
    layout = layout or find_layout()
    knowledge = installed_knowledge(layout, [])
    modules = InstalledModules(layout)
    resolution = resolve(run_config, knowledge, environment, files or ExternalFiles({}, {}), modules)
    findings = Findings(resolution.findings)
    _raise_errors(findings)
    runtime = make_runtime(run_config, layout, knowledge, modules, compliance or ComplianceRules(), findings)
    _raise_errors(findings)
    if runtime is None:
        raise InvalidProviderError("the release refuses the run config")
    internal = internal_impls(runtime, findings)
    impls, _ = await instantiate_providers(resolution.plan, runtime, findings, internal)
    _raise_errors(findings)
    return impls, findings


def _raise_errors(findings: Findings) -> None:
    errors = [f"{f.path}: {f.message}" if f.path else f.message for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise InvalidProviderError("\n".join(errors))
