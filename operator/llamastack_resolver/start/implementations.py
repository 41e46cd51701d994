"""From a run config to running implementations, in an environment that has the release installed.

These are the seed's own entry points (`resolve_impls`, `api_protocol_map`), with its semantics; what upstream
raises one by one is raised here all at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llamastack_resolver.config.env import Environment
from llamastack_resolver.findings import Findings, Severity
from llamastack_resolver.installed.release import InstalledModules, installed_knowledge
from llamastack_resolver.introspection import Layout, describe_protocol, describe_spec, find_layout
from llamastack_resolver.introspection.configs import load_class
from llamastack_resolver.introspection.specs import name_of
from llamastack_resolver.knowledge import Protocol, ProviderSpec, ReleaseKnowledge
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
    provider_registry: Mapping[Any, Mapping[str, Any]] | None = None,
    dist_registry: Any = None,
    policy: list[Any] | None = None,
) -> tuple[dict[str, Any], Findings]:
    """Validate, order and start the providers of a run config.

    Args:
        run_config: the run config with its references, as YAML gives it.
        environment: the variables; the release itself reads those of this process.
        files: external providers and APIs.
        compliance: how much disagreements with protocols matter.
        layout: the installed release; default: found.
        provider_registry: the release's spec objects by API and provider type. They are all that there is then: no
            directory and no `module:` is looked at.
        dist_registry: a `DistributionRegistry` of the release; default: one in memory.
        policy: access rules; default: those of the run config.

    Returns:
        The implementations by API, and what is not an error.

    Raises:
        InvalidProviderError: there are errors; the message has one line for each.
        NotInstalledError: no release is installed.
    """
    layout = layout or find_layout()
    knowledge = installed_knowledge(layout, [])
    modules = InstalledModules(layout)
    if provider_registry is not None:
        knowledge, run_config, files = _with_registry(knowledge, provider_registry), _without_modules(run_config), None
    resolution = resolve(run_config, knowledge, environment, files or ExternalFiles({}, {}), modules)
    findings = Findings(resolution.findings)
    _raise_errors(findings)
    runtime = make_runtime(run_config, layout, knowledge, modules, compliance or ComplianceRules(), findings)
    _raise_errors(findings)
    if runtime is None:
        raise InvalidProviderError("the release refuses the run config")
    runtime = replace(
        runtime,
        specs={**runtime.specs, **_by_name(provider_registry or {})},
        dist_registry=runtime.dist_registry if dist_registry is None else dist_registry,
        policy=runtime.policy if policy is None else policy,
    )
    internal = internal_impls(runtime, findings)
    impls, _ = await instantiate_providers(resolution.plan, runtime, findings, internal)
    _raise_errors(findings)
    return impls, findings


def _by_name(provider_registry: Mapping[Any, Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(name_of(api), kind): spec for api, types in provider_registry.items() for kind, spec in types.items()}


def _with_registry(knowledge: ReleaseKnowledge, provider_registry: Mapping[Any, Mapping[str, Any]]) -> ReleaseKnowledge:
    providers: dict[str, dict[str, ProviderSpec]] = {name_of(api): {} for api in provider_registry}
    for (api, kind), spec in _by_name(provider_registry).items():
        providers[api][kind] = ProviderSpec.from_dict(api, kind, describe_spec(spec))
    names = frozenset(providers)
    return replace(
        knowledge, providers=providers, apis=knowledge.apis | names, providable_apis=knowledge.providable_apis | names
    )


def _without_modules(run_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run config whose entries name types alone; what is malformed stays as it is."""
    config = copy.deepcopy(dict(run_config))
    sections = config.get("providers")
    for entries in sections.values() if isinstance(sections, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                entry.pop("module", None)
    return config


def _raise_errors(findings: Findings) -> None:
    errors = [f"{f.path}: {f.message}" if f.path else f.message for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise InvalidProviderError("\n".join(errors))
