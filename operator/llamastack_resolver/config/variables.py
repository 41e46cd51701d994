"""Says what variables have to do with findings: where a finding holds, and what is no reference to a variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from llamastack_resolver.config.condition import Condition, both
from llamastack_resolver.config.near_reference import NearReference
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.reasons import ConfigReason

MAX_ENCLOSING = 32
"""How many items around a path are looked at: paths are made of a stranger's keys."""
# What the release finds before it skips an entry without an id.
_BEFORE_SKIPPING = frozenset({ConfigReason.MISSING_ENV, ConfigReason.INVALID_RUN_CONFIG})


def with_conditions(findings: Findings, conditions: Mapping[str, Condition]) -> Findings:
    """Return findings which say where they hold, if that is not everywhere.

    Args:
        findings: the findings.
        conditions: of the places that may count or not, by path.
    """
    if not conditions:
        return findings
    return Findings(_told(finding, conditions) for finding in findings)


def _told(finding: Finding, conditions: Mapping[str, Condition]) -> Finding:
    condition: Condition | None = None
    for place in _enclosing(finding.path):
        found = conditions.get(place)
        if found is not None and (found.removes or not _precedes(finding, place)):
            condition = both(found, condition)
    return replace(finding, message=f"where {condition}, {finding.message}") if condition else finding


def _precedes(finding: Finding, entry: str) -> bool:
    """Whether the release meets a mistake although it skips the entry: it imports modules before."""
    return finding.reason in _BEFORE_SKIPPING or finding.path == f"{entry}.module"


def _enclosing(path: str) -> Iterator[str]:
    """Yield the items that a path leads through, and the one part of a config that is none."""
    auth = "server.auth.provider_config"
    if path.startswith(auth):
        yield auth
    end = -1
    for _ in range(MAX_ENCLOSING):
        end = path.find("]", end + 1)
        if end < 0:
            return
        yield path[: end + 1]


def report_near_references(near: Mapping[str, NearReference], found: Findings) -> Findings:
    """Return findings with what looks like a reference and is none: one for each place.

    Args:
        near: what looks like one, by path.
        found: what was found so far. An error at the same place stays, and tells what to write.
    """
    if not near:
        return found
    findings = Findings()
    told = set()
    for finding in found:
        text = near.get(finding.path)
        if text is None or finding.reason is ConfigReason.UNKNOWN_FIELD:
            findings.add(finding)
        elif finding.severity is Severity.ERROR:
            findings.add(replace(finding, message=f"{finding.message}; {text.message}", hint=text.advice))
        else:
            continue
        told.add(finding.path)
    for path, text in near.items():
        if path not in told:
            findings.warning(ConfigReason.VARIABLE_NOT_REPLACED, text.message, path, hint=text.advice)
    return findings
