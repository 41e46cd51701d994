"""Checks registered models, shields and so on: the provider that each one names has to be there.

Upstream finds out when it registers them, after every provider has been started ("Provider `x` not found").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llamastack_resolver.config.check import value_at
from llamastack_resolver.config.run_config import RunConfig, item_paths
from llamastack_resolver.findings import Findings, Severity
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
        if key == "models" and provider_id == EVERY_PROVIDER and knowledge.behaviour.models_of_every_provider:
            continue
        if api and isinstance(provider_id, str) and provider_id not in ("", "__disabled__"):
            _check_provider(provider_id, api, f"{path}.provider_id", config, findings)
    _check_datasets(config, knowledge, findings)
    _check_vector_stores(config, knowledge, findings)
    _check_default_store(config, findings)
    _check_rewriting(config, findings)
    stores = config.raw.get("vector_stores")
    for name in _DEFAULT_MODELS if isinstance(stores, dict) else ():
        model = (stores or {}).get(name)
        if isinstance(model, dict) and isinstance(model.get("provider_id"), str):
            path = f"vector_stores.{name}.provider_id"
            _check_provider(model["provider_id"], "inference", path, config, findings)


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


def _check_provider(provider_id: str, api: str, path: str, config: RunConfig, findings: Findings) -> None:
    entries = config.providers.get(api, ())
    if api in config.malformed or any(not entry.id_known for entry in entries):
        return
    if config.apis and api not in config.apis:
        return
    ids = [entry.provider_id for entry in entries if entry.provider_id and not entry.disabled]
    if provider_id in ids:
        return
    known = f"configured: {', '.join(ids)}" if ids else f"add a provider to `providers.{api}`"
    findings.error(
        ConfigReason.MISSING_REFERENCE,
        f"there is no provider {provider_id!r} of `{api}`",
        path,
        api=api,
        provider=provider_id,
        hint=did_you_mean(provider_id, ids) or known,
    )
