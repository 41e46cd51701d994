"""The providers of a resolved run config, each with how it stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llamastack_operator.api.conditions import cut
from llamastack_operator.api.status import PROVIDERS_LIMIT
from llamastack_operator.planning.stack.bounds import most_telling
from llamastack_operator.planning.stack.reading import NAME_LIMIT, Provider, ProviderState
from llamastack_resolver.config.env import DISABLED
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Finding, Reason, Severity
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.resolution import Resolution

_DOT = re.compile(r"\.")
_IN_PACKAGE = "it is looked at where its package is installed"
_DOUBTS: frozenset[Reason] = frozenset(
    {
        ProviderReason.UNKNOWN_API,
        ProviderReason.UNKNOWN_PROVIDER_TYPE,
        ProviderReason.PROVIDER_RENAMED,
        ProviderReason.PROVIDER_REMOVED,
        ProviderReason.INVALID_PROVIDER_CONFIG,
        ProviderReason.RESOLVED_IN_IMAGE,
    }
)
"""What makes it uncertain, as a warning, whether a provider starts."""


def providers_of(
    resolution: Resolution, written: Mapping[str, Any], findings: Sequence[Finding], prefix: str
) -> tuple[Provider, ...]:
    """Return the entries of a run config, in its order: of very many those that matter most, and the rest counted.

    Args:
        resolution: what it was resolved to.
        written: the run config as it was written: what is switched off is not in the resolution.
        findings: what was found, errors first, with the paths that users see.
        prefix: what stands before a path of the run config there.
    """
    if resolution.config is None:
        return ()
    kept = {entry.path: entry for entry in resolution.config.entries()}
    opaque = {
        provider.entry.path
        for group in resolution.prepared.by_key.values()
        for provider in group.values()
        if provider.opaque and provider.entry is not None
    }
    start = f"{prefix}." if prefix else ""
    about, about_section = _by_entry(findings, start, kept), _by_path(findings)
    rows = []
    for path, api, item in _entries(written):
        entry = kept.get(path)
        if entry is None or entry.disabled:
            rows.append(_disabled(api, item))
        else:
            found = [*about[path], *about_section[f"{start}providers.{api}"]]
            rows.append(_provider(entry, found, path in opaque))
    return _bounded(rows)


def _bounded(rows: Sequence[Provider]) -> tuple[Provider, ...]:
    """Return at most as many rows as a status holds, the last with the count of those that are left out."""
    if len(rows) <= PROVIDERS_LIMIT:
        return tuple(rows)
    order = list(ProviderState)
    told = most_telling(rows, PROVIDERS_LIMIT, lambda row: order.index(row.state))
    enabled, listed = (sum(one.state is not ProviderState.DISABLED for one in some) for some in (rows, told))
    return (*told[:-1], replace(told[-1], unlisted=enabled - listed))


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, API and content of each entry that has the shape of one."""
    sections = config.get("providers")
    for api, items in sections.items() if isinstance(sections, dict) else ():
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and isinstance(item.get("provider_type"), str):
                yield f"providers.{api}[{index}]", str(api), item


def _by_entry(findings: Sequence[Finding], prefix: str, paths: Collection[str]) -> Mapping[str, list[Finding]]:
    """Return the findings about each entry and what is in it, by its path: there can be many of both."""
    about = defaultdict[str, list[Finding]](list)
    lengths = frozenset(map(len, paths))
    for one in findings:
        if not one.path.startswith(prefix):
            continue
        path = one.path.removeprefix(prefix)
        # A key can be all dots: only what can be an entry's path is cut out and looked up.
        ends = (end for end in (*_dots(path), len(path)) if end in lengths)
        for place in (path[:end] for end in ends):
            if place in paths:
                about[place].append(one)
    return about


def _by_path(findings: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    """Return the findings by their very paths: one about a section is about all that stands in it."""
    about = defaultdict[str, list[Finding]](list)
    for one in findings:
        about[one.path].append(one)
    return about


def _dots(path: str) -> Iterator[int]:
    return (match.start() for match in _DOT.finditer(path))


def _disabled(api: str, item: Mapping[str, Any]) -> Provider:
    name, module = item.get("provider_id"), item.get("module")
    return _row(api, str(name or DISABLED), item["provider_type"], str(module or ""), ProviderState.DISABLED, "")


def _provider(entry: ProviderEntry, findings: Sequence[Finding], opaque: bool) -> Provider:
    state, message = _state(entry, findings, opaque)
    row = _row(entry.api, entry.provider_id or "", entry.provider_type, entry.module or "", state, message)
    return replace(row, in_package=message == _IN_PACKAGE)


def _row(api: str, name: str, kind: str, module: str, state: ProviderState, message: str) -> Provider:
    short = [cut(text, NAME_LIMIT) for text in (api, name, kind, module)]
    return Provider(short[0], short[1], short[2], short[3], state, cut(message))


def _state(entry: ProviderEntry, findings: Sequence[Finding], opaque: bool) -> tuple[ProviderState, str]:
    failed = next((one for one in findings if one.severity is Severity.ERROR), None)
    if failed is not None:
        return ProviderState.FAILED, failed.message
    deprecated = next((one for one in findings if one.reason is ProviderReason.PROVIDER_DEPRECATED), None)
    if deprecated is not None:
        return ProviderState.DEPRECATED, deprecated.message
    if entry.condition is not None:
        return ProviderState.UNKNOWN, f"it is started where {entry.condition}"
    doubted = next((one for one in findings if one.severity is Severity.WARNING and one.reason in _DOUBTS), None)
    if opaque or doubted is not None:
        return ProviderState.UNKNOWN, doubted.message if doubted else _IN_PACKAGE
    return ProviderState.RESOLVED, ""
