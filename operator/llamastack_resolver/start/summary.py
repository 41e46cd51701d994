"""What a check comes to: its verdict, what its end says of a provider, and the reports."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any, get_args

from llamastack_contract.start_report import (
    ProviderWord,
    ReportedFinding,
    ReportedProvider,
    SeverityWord,
    StartReport,
    Verdict,
)
from llamastack_resolver.start.process import Ending
from llamastack_resolver.start.told import Told

_AUTHOR = "a provider must not end its process: ask its author, or use another version"
_MEMORY = "give the server more memory (spec.server.resources), or the provider less to load"
_WAITING = "correct its `config`, start what it waits for, or give the check more time"


def add_ending(told: Told, ending: Ending, deadline: float, proven: bool = False) -> None:
    """Add what the end of a check says: an error of the provider that it was at, else that the check failed.

    Args:
        told: what it told.
        ending: how it ended.
        deadline: seconds that it had.
        proven: whether pods like this one were ready before: then it proves nothing that time was not enough.
    """
    if told.ended is not None:
        add_error(told, f"{_doing(told)}: {told.ended}", _AUTHOR)
    if told.done:
        return
    if ending.late and proven:
        told.failed = f"given up after {deadline:g} s, for pods of this revision were ready before"
        return
    what = f"not started after {deadline:g} s" if ending.late else _words(ending)
    if told.step is None:
        told.failed = f"the check came to no end in {deadline:g} s" if ending.late else f"the check {what}"
        return
    add_error(told, f"{_doing(told)}: {what}", _hint(ending))


def _doing(told: Told) -> str:
    return (told.step or {}).get("doing") or "starting it"


def add_error(told: Told, message: str, hint: str) -> None:
    """Add an error of the step that a check was at, and that its provider failed."""
    step = told.step or {}
    finding = {"severity": "error", "reason": step.get("reason", "InstantiationFailed"), "message": message}
    finding["path"] = step.get("path", ".")
    finding |= {name: step[name] for name in ("api", "provider") if step.get(name)}
    told.findings.append(finding | {"hint": hint})
    told.errors = True
    key = (step.get("api"), step.get("provider"))
    same = [one for one in told.planned if (one.get("api"), one.get("id")) == key]
    if step.get("provider") and not any((one.get("api"), one.get("id")) == key for one in told.states):
        known = same[0] if same else {"api": key[0], "id": key[1], "type": step.get("type", "")}
        told.states.append({**known, "state": "Failed", "message": message})


def _words(ending: Ending) -> str:
    if ending.signal is None:
        return f"ended the process, with status {ending.status}"
    try:
        name = signal.Signals(ending.signal).name
    except ValueError:
        name = f"signal {ending.signal}"
    return f"ended by {name}" + (", as at a limit of memory" if ending.signal == signal.SIGKILL else "")


def _hint(ending: Ending) -> str:
    if ending.late:
        return _WAITING
    return _MEMORY if ending.signal == signal.SIGKILL else _AUTHOR


def report_of(told: Told, started: bool) -> StartReport:
    """Return what the pod's status gets.

    Args:
        told: what a check told, with its end.
        started: whether providers were to be started.
    """
    findings = tuple(_finding(one) for one in told.findings)
    providers = tuple(_provider(one) for one in states_of(told))
    report = replace(StartReport.of(_verdict(told), told.release, findings, providers, started), specs=told.specs)
    return replace(report, message=told.failed or "") if report.verdict == "CheckFailed" else report


def whole_report(told: Told, report: StartReport) -> dict[str, Any]:
    """Return the report for the log, in which nothing is cut."""
    return {
        "verdict": report.verdict,
        **({"message": told.failed} if told.failed is not None else {}),
        "stackVersion": told.release,
        "order": told.order,
        "findings": in_order(told.findings),
        "providers": states_of(told),
    }


def in_order(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings as they were told, errors first."""
    order = get_args(SeverityWord)
    return sorted(findings, key=lambda one: order.index(one["severity"]) if one["severity"] in order else 3)


def _verdict(told: Told) -> Verdict:
    if told.failed is not None:
        return "CheckFailed"
    return "Failed" if told.errors else "Passed"


def states_of(told: Told) -> list[dict[str, Any]]:
    """Return what became of every provider: of one that it did not come to, nothing is known."""
    reached = {(one.get("api"), one.get("id")) for one in told.states}
    rest = [one for one in told.planned if (one.get("api"), one.get("id")) not in reached]
    return [*told.states, *({**one, "state": "Unproven"} for one in rest)]


def _finding(one: dict[str, Any]) -> ReportedFinding:
    severity: SeverityWord = one["severity"] if one["severity"] in get_args(SeverityWord) else "info"
    names = ("reason", "path", "message", "hint", "api", "provider")
    return ReportedFinding(severity, *(_text(one.get(name)) for name in names))


def _provider(one: dict[str, Any]) -> ReportedProvider:
    state: ProviderWord = one["state"] if one.get("state") in get_args(ProviderWord) else "Unproven"
    api, name, kind, version = (_text(one.get(key)) for key in ("api", "id", "type", "moduleVersion"))
    return ReportedProvider(api, name, kind, state, version)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
