"""Checks the `config` of a provider against the config class that its spec names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from llamastack_resolver.config.check import is_empty
from llamastack_resolver.config.schema_check import Issue, Schema, check, join
from llamastack_resolver.config.storage import Backends
from llamastack_resolver.config.validators import PROVIDER_FIELDS, converted, is_done_here
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.filled_fields import filled_fields
from llamastack_resolver.providers.moved_findings import report_moved_keys
from llamastack_resolver.providers.needed_stores import missing_stores
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.reasons import ConfigReason


def check_provider_config(
    provider: ProviderWithSpec,
    raw: Mapping[str, Any],
    knowledge: ReleaseKnowledge,
    backends: Backends | None,
    findings: Findings,
) -> bool:
    """Report every mistake in one provider's config.

    Args:
        provider: the provider; opaque ones are checked where their module is installed.
        raw: the run config after substitution, from which the release fills in some fields.
        knowledge: the release, with the schemas of its config classes.
        backends: storage backends of the run config; None where the release has none or they are malformed.
        findings: where the findings go.

    Returns:
        Whether the release would take the config, and serve what it says.
    """
    entry = provider.entry
    if entry is None or provider.opaque:
        return True
    own = Findings()
    schema = knowledge.schemas.get(provider.spec.config_class or "")
    if schema is not None:
        _check_schema(provider, entry.config, schema, raw, knowledge, own)
    if backends is not None:
        _check_references(provider, backends, own)
    findings.extend(own)
    return not own.has_errors


def _check_schema(
    provider: ProviderWithSpec,
    config: Mapping[str, Any],
    schema: Schema,
    raw: Mapping[str, Any],
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    base = provider.entry.path if provider.entry else ""
    builtin = provider.origin == "builtin"
    filled = filled_fields(provider.spec, config, schema.get("properties") or {}, raw, knowledge)
    value = converted(config) if builtin else dict(config)
    issues = [issue for issue in check(value, schema) if re.split(r"[.\[]", issue.path)[0] not in filled]
    if builtin:
        issues += missing_stores(provider.spec, config, schema, knowledge)
        issues = report_moved_keys(issues, provider, schema, knowledge, findings)
    for field, place in filled.items():
        if not is_empty(config.get(field)):
            message = f"{knowledge.release} takes `{place}` of the run config instead of `{field}`"
            hint = f"remove it, and write what it says into `{place}`"
            path = f"{base}.config.{field}"
            findings.warning(ConfigReason.UNKNOWN_FIELD, message, path, hint=hint, **_whose(provider))
    for found in issues:
        issue = _at_the_text(found, config)
        hard = builtin and is_done_here(issue.path, PROVIDER_FIELDS) and not issue.missing
        _report(replace(issue, soft=issue.soft and not hard), provider, knowledge, findings)


def _at_the_text(issue: Issue, config: Mapping[str, Any]) -> Issue:
    """Return an issue of an item where the file has it: in a text that a validator splits."""
    field = issue.path.partition("[")[0]
    return replace(issue, path=field) if isinstance(config.get(field), str) else issue


def _report(issue: Issue, provider: ProviderWithSpec, knowledge: ReleaseKnowledge, findings: Findings) -> None:
    base = f"{provider.entry.path}.config" if provider.entry else ""
    path = join(base, issue.path) if issue.path else base
    whose = _whose(provider)
    if issue.unknown_key:
        name = issue.path.rsplit(".", 1)[-1]
        message = f"{provider.provider_type} of {knowledge.release} ignores `{name}`"
        findings.warning(ConfigReason.UNKNOWN_FIELD, message, path, hint=issue.cure, **whose)
    elif issue.soft and issue.missing:
        findings.info(
            ProviderReason.INVALID_PROVIDER_CONFIG, f"its source says: {issue.message}", path, hint=issue.cure, **whose
        )
    elif issue.soft:
        message = f"{issue.message}, unless {provider.provider_type} converts it"
        findings.warning(ProviderReason.INVALID_PROVIDER_CONFIG, message, path, hint=issue.cure, **whose)
    else:
        findings.error(ProviderReason.INVALID_PROVIDER_CONFIG, issue.message, path, hint=issue.cure, **whose)


def _whose(provider: ProviderWithSpec) -> Whose:
    return {"api": provider.spec.api, "provider": provider.provider_id}


def _check_references(provider: ProviderWithSpec, backends: Backends, findings: Findings) -> None:
    entry = provider.entry
    if entry is None:
        return
    for path, reference in _references(entry.config, f"{entry.path}.config"):
        problem = backends.problem(reference["backend"], "kv" if "namespace" in reference else "sql")
        if problem:
            place, hint = f"{path}.backend", problem.hint
            findings.error(ConfigReason.MISSING_REFERENCE, problem.message, place, hint=hint, **_whose(provider))


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
