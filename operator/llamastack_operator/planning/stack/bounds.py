"""Keeps a status small: every text, every list and the whole of it.

A status shares etcd's 1.5 MB with a spec whose texts tenants write: one that is too large is never stored, and its
stack is silent for ever. Nothing is left out silently: what is cut ends with " …", and what is dropped is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from llamastack_contract.limits import MESSAGE_BYTES
from llamastack_operator.api.conditions import MESSAGE_LIMIT, cut
from llamastack_operator.api.status import FINDINGS_LIMIT, PROVIDERS_LIMIT, STATUS_LIMIT
from llamastack_operator.objects.config_map import text_size
from llamastack_operator.planning.stack.reading import ProviderState
from llamastack_resolver.findings import Severity


class _List(NamedTuple):
    """A list of a status.

    Attributes:
        name: its name.
        rest: the name of the count of what is not in it.
        key: what tells how much an entry matters.
        order: the values of that, first what is kept first.
    """

    name: str
    rest: str
    key: str
    order: Sequence[str]


_FINDINGS = _List("findings", "omittedFindings", "severity", tuple(Severity))
_PROVIDERS = _List("providers", "omittedProviders", "state", tuple(ProviderState))


class _Rung(NamedTuple):
    """Most bytes of a text of `providers`, of one of `findings`, and of what is kept of a report."""

    providers: int
    findings: int
    report: int


_REPORT = 2 * MESSAGE_BYTES
"""Most bytes of a report as JSON: it is full of quotes."""
_LADDER = (
    _Rung(256, 512, _REPORT),
    _Rung(128, 512, _REPORT),
    _Rung(128, 384, _REPORT),
    _Rung(128, 256, _REPORT),
    _Rung(128, 128, _REPORT // 4),
)
"""What is given up for a whole that fits, step by step: what providers say stands in findings too."""


def within_bounds(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status that can be stored; one that is small is returned as it is.

    Args:
        status: the status in wire form, with all findings and all providers; `omittedFindings` and `omittedProviders`
            count those which are not even in it.
    """
    few = _listed(_listed(status, _FINDINGS, FINDINGS_LIMIT), _PROVIDERS, PROVIDERS_LIMIT)
    checks: dict[str, Any] = {name: few.pop(name) for name in ("startCheck", "preflight") if name in few}
    whole = {key: _each_text(value, cut) for key, value in few.items()} | _checked(checks, _REPORT)
    if size_of(whole) <= STATUS_LIMIT:
        return whole
    for rung in _LADDER:
        short = {
            key: _each_text(value, partial(shortened, limit=getattr(rung, key, MESSAGE_LIMIT)))
            for key, value in whole.items()
        } | _checked(checks, rung.report)
        if size_of(short) <= STATUS_LIMIT:
            return short
    # All but the providers fits in any case.
    fewer = (_listed(short, _PROVIDERS, most) for most in reversed(range(PROVIDERS_LIMIT)))
    return next(status for status in fewer if size_of(status) <= STATUS_LIMIT)


def size_of(value: Any) -> int:
    """Return how many bytes a value has as JSON."""
    return text_size(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def shortened(text: str, limit: int) -> str:
    """Return a text that has at most so many bytes as JSON, its quotes aside, saying so where something is cut."""
    room, kept = limit, text
    while (size := size_of(kept) - 2) > room:
        room = limit - len(" …".encode())
        kept = kept[: len(kept) * room // size]
    return text if kept == text else kept.rstrip() + " …"


def most_telling[T](entries: Sequence[T], most: int, rank: Callable[[T], int]) -> list[T]:
    """Return at most so many entries, those of the lowest rank, in the order in which they stand."""
    if len(entries) <= most:
        return list(entries)
    order = sorted(range(len(entries)), key=lambda index: rank(entries[index]))
    return [entries[index] for index in sorted(order[:most])]


def _listed(status: Mapping[str, Any], which: _List, most: int) -> dict[str, Any]:
    """Return a status with so many entries of a list as there may be, those that matter most, and the rest counted."""
    entries: Sequence[Mapping[str, Any]] = status.get(which.name, ())
    kept = most_telling(entries, most, lambda entry: which.order.index(entry[which.key]))
    omitted = status.get(which.rest, 0) + len(entries) - len(kept)
    whole = {**status, which.name: kept, which.rest: omitted}
    return {key: value for key, value in whole.items() if value or key not in (which.name, which.rest)}


def _checked(checks: Mapping[str, Mapping[str, Any]], most: int) -> dict[str, Any]:
    """Return what a status keeps of checks: of a report whole lines, for each is read by itself, of at most so many
    bytes, but the first in any case."""
    return {
        name: {key: _whole_lines(text, most) if key == "report" else cut(text) for key, text in check.items()}
        for name, check in checks.items()
    }


def _whole_lines(report: str, most: int) -> str:
    lines = report.split("\n")
    while len(lines) > 1 and size_of("\n".join(lines)) > most:
        lines.pop()
    return "\n".join(lines)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value
