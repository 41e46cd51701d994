"""What the process that makes a check tells the one that watches it: lines of JSON, through a pipe of its own.

Tenants' code runs where they are written, and can write there too: what is read is bounded, and nothing of it is more
than text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

LONGEST_LINE = 256 * 1024
"""Most bytes of a line."""
MOST_BYTES = 32 * 1024 * 1024
"""Most bytes that are read of all."""
MOST_ITEMS = 2000
"""Most findings, providers and steps that are kept."""
LONGEST_VALUE = 8192
"""Most characters of a text."""


@dataclass
class Told:
    """What was told so far.

    Attributes:
        release: the installed release; empty where none was found yet.
        specs: what tells what it ships; empty where that was not told.
        step: what was being done with a tenant's code: doing, reason, path, api and provider; None at no such step.
        findings: in the shape of the report.
        planned: the providers that are to be started, as `states`.
        states: what became of providers, in the shape of the report.
        order: the start plan, in the shape of the report.
        failed: why the check itself failed.
        ended: how what was started ended the check.
        done: whether it came to its end.
        errors: whether there are errors.
    """

    release: str = ""
    specs: str = ""
    step: dict[str, str] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    planned: list[dict[str, Any]] = field(default_factory=list)
    states: list[dict[str, Any]] = field(default_factory=list)
    order: list[dict[str, Any]] = field(default_factory=list)
    failed: str | None = None
    ended: str | None = None
    done: bool = False
    errors: bool = False

    def take(self, line: bytes) -> None:
        """Take one line; what is none is passed over."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        match message:
            case ["finding", dict(finding)]:
                self._finding(finding)
            case ["planned" | "state" | "step" as word, dict(item)]:
                items = {"planned": self.planned, "state": self.states, "step": self.order}[word]
                if len(items) < MOST_ITEMS:
                    items.append(item)
            case ["at", dict() | None as step]:
                texts = {key: value for key, value in (step or {}).items() if isinstance(value, str)}
                self.step = texts or None
            case ["release", str(name)]:
                self.release = name
            case ["ships", str(specs)]:
                self.specs = specs
            case [str(word), *rest]:
                self._progress(word, rest)

    def _progress(self, word: str, rest: list[Any]) -> None:
        why = rest[0] if rest and isinstance(rest[0], str) else ""
        if word == "whole":
            self.findings, self.planned, self.states, self.order, self.errors = [], [], [], [], False
        elif word == "failed":
            self.failed, self.done = why, True
        elif word == "ended":
            self.ended, self.done = why, True
        elif word == "done":
            self.done = True

    def _finding(self, finding: dict[str, Any]) -> None:
        if not isinstance(finding.get("severity"), str) or not isinstance(finding.get("message"), str):
            return
        self.errors = self.errors or finding["severity"] == "error"
        if len(self.findings) < MOST_ITEMS:
            self.findings.append(finding)


class Lines:
    """Cuts bytes into lines for `Told`, and forgets what is too long."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._rest = b""
        self._left = MOST_BYTES

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self._left -= len(data)
        if self._left < 0 or self._told.done:
            self._rest = b""
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if len(line) <= LONGEST_LINE:
                self._told.take(line)
        if len(self._rest) > LONGEST_LINE:
            # Its end will be no JSON.
            self._rest = self._rest[:LONGEST_LINE] + b"!"


def encode(message: list[Any]) -> bytes:
    """Return a message as a line whose texts are short enough."""
    return json.dumps(_bounded(message)).encode() + b"\n"


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, dict):
        return {str(key)[:LONGEST_VALUE]: _bounded(item) for key, item in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [_bounded(item) for item in value[:MOST_ITEMS]]
    return value if isinstance(value, int | float | bool | None) else str(value)[:LONGEST_VALUE]
