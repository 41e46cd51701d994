"""Checks the `config` of a provider against the config class that its spec names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llamastack_resolver.config.schema_check import Issue, check, join
from llamastack_resolver.config.storage import Backends
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.reasons import ConfigReason

# Filled in by the release itself from other parts of the run config (since 0.4 and ogx 0.8).
INJECTED_FIELDS = frozenset({"vector_stores_config", "metadata_store"})


def check_provider_config(
    provider: ProviderWithSpec, knowledge: ReleaseKnowledge, backends: Backends | None, findings: Findings
) -> bool:
    """Report every mistake in one provider's config.

    Args:
        provider: the provider; opaque ones are checked where their module is installed.
        knowledge: the release, with the schemas of its config classes.
        backends: storage backends of the run config; None where the release has none or they are malformed.
        findings: where the findings go.

    Returns:
        Whether the release would take the config.
    """
    entry = provider.entry
    if entry is None or provider.opaque:
        return True
    errors = 0
    schema = knowledge.schemas.get(provider.spec.config_class or "")
    for issue in check(dict(entry.config), schema) if schema else []:
        if issue.path in INJECTED_FIELDS and issue.path not in entry.config:
            continue
        errors += _report(issue, provider, knowledge, findings)
    if backends is not None:
        errors += _check_references(provider, backends, findings)
    return errors == 0


def _report(issue: Issue, provider: ProviderWithSpec, knowledge: ReleaseKnowledge, findings: Findings) -> int:
    base = f"{provider.entry.path}.config" if provider.entry else ""
    path = join(base, issue.path) if issue.path else base
    whose: Whose = {"api": provider.spec.api, "provider": provider.provider_id}
    if issue.unknown_key:
        name = issue.path.rsplit(".", 1)[-1]
        message = f"{provider.provider_type} of {knowledge.release} ignores `{name}`"
        findings.warning(ConfigReason.UNKNOWN_FIELD, message, path, hint=issue.cure, **whose)
        return 0
    if issue.soft:
        message = f"{issue.message} (or converted)"
        findings.warning(ProviderReason.INVALID_PROVIDER_CONFIG, message, path, hint=issue.cure, **whose)
        return 0
    findings.error(ProviderReason.INVALID_PROVIDER_CONFIG, issue.message, path, hint=issue.cure, **whose)
    return 1


def _check_references(provider: ProviderWithSpec, backends: Backends, findings: Findings) -> int:
    entry = provider.entry
    if entry is None:
        return 0
    errors = 0
    for path, reference in _references(entry.config, f"{entry.path}.config"):
        problem = backends.problem(reference["backend"], "kv" if "namespace" in reference else "sql")
        if problem:
            errors += 1
            whose: Whose = {"api": provider.spec.api, "provider": provider.provider_id}
            findings.error(
                ConfigReason.MISSING_REFERENCE, problem.message, f"{path}.backend", hint=problem.hint, **whose
            )
    return errors


def _references(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each storage reference: `{backend, namespace}` or `{backend, table_name}`."""
    if isinstance(value, Mapping):
        if isinstance(value.get("backend"), str) and ("namespace" in value) != ("table_name" in value):
            yield path, value
            return
        for key, item in value.items():
            yield from _references(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{path}[{index}]")
