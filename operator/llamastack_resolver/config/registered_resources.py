"""Checks registered models, shields and so on: the provider that each one names has to be there.

Upstream finds out when it registers them, after every provider has been started ("Provider `x` not found").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llamastack_resolver.config.check import value_at
from llamastack_resolver.config.condition import any_of, both
from llamastack_resolver.config.env import DISABLED, Conditional
from llamastack_resolver.config.run_config import RunConfig, item_paths
from llamastack_resolver.findings import Findings, Severity, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean

TABLES = {
    "models": "models",
    "shields": "shields",
    "vector_dbs": "vector_dbs",
    "vector_stores": "vector_stores",
    "datasets": "datasets",
    "scoring_fns": "scoring_functions",
    "benchmarks": "benchmarks",
    "tool_groups": "tool_groups",
}
EVERY_PROVIDER = "all"
_DEFAULT_STORE = "vector_stores.default_provider_id"
_REWRITING = "vector_stores.rewrite_query_params.model.provider_id"
_DEFAULT_MODELS = ("default_embedding_model", "default_reranker_model")


def check_resources(config: RunConfig, dropped: list[str], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    """Report every resource whose provider is not configured.

    Args:
        config: the run config.
        dropped: paths of list items that the substitution left out.
        knowledge: the release.
        findings: where the findings go.
    """
    routers = {pair.table: pair.router for pair in knowledge.routed}
    for key, path, item in _resources(config, dropped, knowledge):
        api = routers.get(TABLES[key])
        provider_id = item.get("provider_id")
        named = provider_id.value if isinstance(provider_id, Conditional) else provider_id
        if key == "models" and named == EVERY_PROVIDER and knowledge.behaviour.models_of_every_provider:
            continue
        if api:
            _check_provider(provider_id, api, path, config, findings)
    _check_datasets(config, knowledge, findings)
    _check_vector_stores(config, knowledge, findings)
    _check_default_store(config, findings)
    _check_rewriting(config, findings)
    stores = config.raw.get("vector_stores")
    for name in _DEFAULT_MODELS if isinstance(stores, dict) else ():
        model = (stores or {}).get(name)
        if isinstance(model, dict):
            _check_provider(model.get("provider_id"), "inference", f"vector_stores.{name}", config, findings)


def _check_datasets(config: RunConfig, knowledge: ReleaseKnowledge, findings: Findings) -> None:
    """Upstream's `register_resources` asks each of them for a provider_id, which datasets do not have there."""
    served = not config.apis or "datasetio" in config.apis
    if knowledge.behaviour.registers_datasets or not config.raw.get("datasets") or not served:
        return
    findings.error(
        ConfigReason.SERVER_CANNOT_START,
        f"the server of {knowledge.release} stops at `datasets`: it cannot register datasets of the run config",
        "datasets",
        api="datasets",
        hint="use llama-stack 0.2.20 or newer, or register them through the API of the running server",
    )


def _check_vector_stores(config: RunConfig, knowledge: ReleaseKnowledge, findings: Findings) -> None:
    section = config.raw.get("registered_resources")
    given = isinstance(section, dict) and section.get("vector_stores")
    if knowledge.behaviour.registers_vector_stores or not given:
        return
    findings.warning(
        ConfigReason.UNKNOWN_FIELD,
        f"{knowledge.release} registers no vector stores of the run config",
        "registered_resources.vector_stores",
        hint="use llama-stack 0.4.0 or newer, or create them through the API of the running server",
    )


def _check_default_store(config: RunConfig, findings: Findings) -> None:
    """A server with several providers of vector stores refuses to make one where its default is none of them; with
    one provider it takes that, and with none there is nothing to make."""
    provider_id = value_at(config.raw, _DEFAULT_STORE)
    if not isinstance(provider_id, str) or not provider_id:
        return
    missing = Findings()
    _check_provider(provider_id, "vector_io", "vector_stores", config, missing)
    several = sum(not entry.disabled for entry in config.providers.get("vector_io", ())) > 1
    for finding in missing:
        severity = finding.severity if several else Severity.WARNING
        findings.add(replace(finding, path=_DEFAULT_STORE, severity=severity))


def _check_rewriting(config: RunConfig, findings: Findings) -> None:
    """Since 0.4.0 the server looks for this model when it starts, and stops where it is not there."""
    provider_id = value_at(config.raw, _REWRITING)
    if isinstance(provider_id, str) and provider_id:
        missing = Findings()
        _check_provider(provider_id, "inference", "vector_stores", config, missing)
        findings.extend(replace(finding, path=_REWRITING) for finding in missing)


def _resources(
    config: RunConfig, dropped: list[str], knowledge: ReleaseKnowledge
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    behaviour = knowledge.behaviour
    section = config.raw.get("registered_resources") if behaviour.nests_resources else config.raw
    prefix = "registered_resources." if behaviour.nests_resources else ""
    for key in TABLES:
        items = section.get(key) if isinstance(section, dict) else None
        if not isinstance(items, list) or (key == "tool_groups" and not behaviour.registers_tool_groups):
            continue
        if key == "vector_stores" and not behaviour.registers_vector_stores:
            continue
        paths = item_paths(f"{prefix}{key}", len(items), dropped)
        for path, item in zip(paths, items, strict=True):
            if isinstance(item, dict):
                yield key, path, item


def _check_provider(reference: Any, api: str, path: str, config: RunConfig, findings: Findings) -> None:
    """Check the `provider_id` of what stands at `path`.

    What counts only where some variable is set may rely on a provider that is there only where another one is: whoever
    sets the one knows of the other. What always counts may not.
    """
    provider_id = reference.value if isinstance(reference, Conditional) else reference
    if not isinstance(provider_id, str) or provider_id in ("", DISABLED):
        return
    if api in config.malformed or (config.apis and api not in config.apis):
        return
    own = config.conditions.get(path)
    condition = both(reference.condition if isinstance(reference, Conditional) else None, own)
    entries = [entry for entry in config.providers.get(api, ()) if not entry.disabled]
    fitting = [entry for entry in entries if entry.provider_id == provider_id or not entry.id_known]
    needed = [entry.condition for entry in fitting if entry.condition]
    whose: Whose = {"api": api, "provider": provider_id}
    if len(needed) < len(fitting) or (fitting and condition):
        return
    if fitting:
        same = [entry.condition for entry in fitting if entry.id_known and entry.condition]
        where = f"where {any_of(same)}" if same else f"where {any_of(needed)}, to that id"
        message = f"there is a provider {provider_id!r} of `{api}` only {where}"
        hint = "set it wherever this runs, or let what names the provider depend on it too"
        findings.warning(ConfigReason.MISSING_REFERENCE, message, f"{path}.provider_id", hint=hint, **whose)
        return
    ids = [entry.provider_id for entry in entries if entry.provider_id]
    known = f"configured: {', '.join(ids)}" if ids else f"add a provider to `providers.{api}`"
    named = f", which is named where {condition}" if condition and not (own and own.implies(condition)) else ""
    findings.error(
        ConfigReason.MISSING_REFERENCE,
        f"there is no provider {provider_id!r} of `{api}`{named}",
        f"{path}.provider_id",
        hint=did_you_mean(provider_id, ids) or known,
        **whose,
    )
