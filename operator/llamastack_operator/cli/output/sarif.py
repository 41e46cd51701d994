"""Findings as SARIF 2.1.0 (OASIS), which code review tools show at the lines of a change."""

from __future__ import annotations

from typing import Any

from llamastack_operator.cli.checking import Report
from llamastack_resolver.findings import Finding, Reason, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(report: Report) -> dict[str, Any]:
    """Return one SARIF log with one run; each reason is a rule. A run that checked no document was no success."""
    results = [(finding.file or one.document.file, finding) for one in report.documents for finding in one.findings]
    rules = sorted({finding.reason for _, finding in results})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "llamastack", "rules": [_rule(reason) for reason in rules]}},
                "invocations": [_invocation(report)],
                "results": [_result(file, finding, rules) for file, finding in results],
            }
        ],
    }


def _invocation(report: Report) -> dict[str, Any]:
    succeeded = bool(report.count) or report.has_errors
    told = [{"level": "note", "message": {"text": text}} for text in report.passed_over]
    if not succeeded:
        told.insert(0, {"level": "warning", "message": {"text": "0 documents checked"}})
    return {"executionSuccessful": succeeded, "toolExecutionNotifications": told}


def _rule(reason: Reason) -> dict[str, Any]:
    told = reason.declaration
    rule = {"id": reason.value, "name": reason.value, "shortDescription": {"text": told.meaning}}
    return {**rule, "help": {"text": told.cure}} if told.cure else rule


def _result(file: str, finding: Finding, rules: list[Reason]) -> dict[str, Any]:
    text = f"{finding.message} ({finding.hint})" if finding.hint else finding.message
    location: dict[str, Any] = {"artifactLocation": {"uri": file.replace("\\", "/")}}
    if finding.line:
        location["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.reason.value,
        "ruleIndex": rules.index(finding.reason),
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": location,
                "logicalLocations": [{"fullyQualifiedName": _qualified(finding), "kind": "member"}],
            }
        ],
    }


def _qualified(finding: Finding) -> str:
    return f"{finding.object} {finding.path}" if finding.object else finding.path
