"""What the check at a pod's start says, as the operator reads it from the pod's status: its termination message.

One JSON array a line: first the verdict with all counts, then errors, then providers that failed, then warnings, then
what else there is, as far as there is room. So what is cut, here or by the kubelet, is what matters least, and what is
left is still read. The image that wrote it is a stranger's: nothing in it is more than bounded text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from llamastack_contract.limits import HINT_CHARACTERS, MESSAGE_BYTES, MESSAGE_CHARACTERS
from llamastack_contract.message import one_line

Verdict = Literal["Passed", "Failed", "CheckFailed"]
"""Whether the server would start as written; `CheckFailed` says that this could not be found out."""
SeverityWord = Literal["error", "warning", "info"]
ProviderWord = Literal["Ready", "Imported", "Failed", "NonCompliant", "DependencyFailed", "Unproven"]

VERSION: Final = 1
LONGEST: Final = 64 * 1024
"""Most characters that are looked at: Kubernetes keeps 4,096 bytes."""
_LINES = 512
_COUNT = 100_000
_PATH_CHARACTERS = 200
_NAME_CHARACTERS = 128
_SHORT_HINT = 120
_WORD = re.compile(r"[A-Z][A-Za-z]{1,47}")
_SHIPS: Final = "Ships"
_DIGEST = re.compile(r"[0-9a-f]{16}")
_FAILED = ("Failed", "NonCompliant", "DependencyFailed")


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """One finding of a check.

    Attributes:
        severity: how much it matters.
        reason: the reason's word.
        path: where, as a path in the run config.
        message: what is wrong.
        hint: what to do; empty where nothing is known.
        api: the API concerned, empty where none is.
        provider: the id of the provider concerned, empty where none is.
    """

    severity: SeverityWord
    reason: str
    path: str
    message: str
    hint: str = ""
    api: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class ReportedProvider:
    """What became of one provider.

    Attributes:
        api: its API.
        id: its id.
        type: its type.
        state: how far it came.
        version: of the distribution that brings its module; empty for built-in ones.
    """

    api: str
    id: str
    type: str
    state: ProviderWord
    version: str = ""


@dataclass(frozen=True, slots=True)
class StartReport:
    """What a check says.

    Attributes:
        verdict: what it comes to.
        release: the installed release, such as `0.7.3` or `ogx-1.5.0`; empty where none was found.
        message: why the check could not be made, with the verdict `CheckFailed`.
        findings: what there was room for, errors first.
        providers: what there was room for, those that failed first.
        errors: how many errors there are, with those that had no room.
        warnings: the same of warnings.
        total: how many providers there are.
        failed: how many of them failed.
        started: whether providers were started, or only imported.
        specs: what tells the release's own APIs and provider specs from others (`ReleaseKnowledge.specs_digest`); empty
            where they were not looked at, and in reports of before they were told.
    """

    verdict: Verdict
    release: str = ""
    message: str = ""
    findings: tuple[ReportedFinding, ...] = ()
    providers: tuple[ReportedProvider, ...] = ()
    errors: int = 0
    warnings: int = 0
    total: int = 0
    failed: int = 0
    started: bool = True
    specs: str = ""

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        release: str,
        findings: tuple[ReportedFinding, ...],
        providers: tuple[ReportedProvider, ...],
        started: bool = True,
    ) -> StartReport:
        """Return the report of a check that was made, with its counts."""
        return cls(
            verdict,
            release,
            "",
            findings,
            providers,
            errors=sum(finding.severity == "error" for finding in findings),
            warnings=sum(finding.severity == "warning" for finding in findings),
            total=len(providers),
            failed=sum(provider.state in _FAILED for provider in providers),
            started=started,
        )

    def to_text(self, limit: int = MESSAGE_BYTES) -> str:
        """Return it as lines of at most `limit` bytes together; what has no room is left out, the last first.

        Hints are cut before anything is left out, and messages before an error is.
        """
        for characters, hint in ((MESSAGE_CHARACTERS, HINT_CHARACTERS), (240, _SHORT_HINT), (160, 60)):
            lines = [_dump(self._head(characters)), *self._body(characters, hint)]
            if _size(lines) <= limit:
                return "\n".join(lines)
        while len(lines) > 1 and _size(lines) > limit:
            lines.pop()
        return "\n".join(lines)

    def _head(self, characters: int) -> list[Any]:
        counts = [self.errors, self.warnings, self.total, self.failed]
        message = one_line(self.message, characters)
        return [VERSION, self.verdict, one_line(self.release, 40), counts, self.started, message]

    def _body(self, characters: int, hint: int) -> list[str]:
        found: dict[str, list[list[Any]]] = {"error": [], "failed": [], "warning": [], "provider": [], "info": []}
        ships = [_dump([_SHIPS, self.specs])] if _DIGEST.fullmatch(self.specs) else []
        for finding in self.findings:
            found[finding.severity].append(_finding_line(finding, characters, hint))
        for provider in self.providers:
            found["failed" if provider.state in _FAILED else "provider"].append(_provider_line(provider))
        # An older reader passes over a line that it does not know.
        return [*ships, *(_dump(line) for kind in found.values() for line in kind)]

    @classmethod
    def parse(cls, text: str) -> StartReport | None:
        """Read a report that a stranger may have written; None for what is none, or of another version."""
        head, *rest = text[:LONGEST].split("\n", _LINES)
        report = _head_of(_begin(head))
        if report is None:
            return None
        findings: list[ReportedFinding] = []
        providers: list[ReportedProvider] = []
        specs = ""
        for line in rest:
            found = _line_of(_load(line))
            if isinstance(found, ReportedFinding):
                findings.append(found)
            elif isinstance(found, str):
                specs = specs or found
            elif found is not None:
                providers.append(found)
        return cls(
            report.verdict,
            report.release,
            report.message,
            tuple(findings),
            tuple(providers),
            errors=max(report.errors, sum(one.severity == "error" for one in findings)),
            warnings=max(report.warnings, sum(one.severity == "warning" for one in findings)),
            total=max(report.total, len(providers)),
            failed=max(report.failed, sum(one.state in _FAILED for one in providers)),
            started=report.started,
            specs=specs,
        )


def _finding_line(finding: ReportedFinding, characters: int, hint: int) -> list[Any]:
    return [
        finding.severity,
        finding.reason,
        one_line(finding.path, _PATH_CHARACTERS),
        one_line(finding.api, _NAME_CHARACTERS),
        one_line(finding.provider, _NAME_CHARACTERS),
        one_line(finding.message, characters),
        one_line(finding.hint, hint),
    ]


def _provider_line(provider: ReportedProvider) -> list[Any]:
    names = (provider.api, provider.id, provider.type, provider.version)
    return [provider.state, *(one_line(name, _NAME_CHARACTERS) for name in names)]


def _head_of(data: Any) -> StartReport | None:
    match data:
        case [version, str(verdict), str(release), [*counts], bool(started), str(message)]:
            known = version == VERSION and verdict in get_args(Verdict) and len(counts) == 4
            if not known or not all(type(count) is int and 0 <= count <= _COUNT for count in counts):
                return None
            errors, warnings, total, failed = counts
            return StartReport(
                verdict,  # type: ignore[arg-type]
                one_line(release, 40),
                one_line(message, MESSAGE_CHARACTERS),
                errors=errors,
                warnings=warnings,
                total=total,
                failed=failed,
                started=started,
            )
    return None


def _line_of(data: Any) -> ReportedFinding | ReportedProvider | str | None:
    """Return what a line says; a text is the digest of what the release ships."""
    if not isinstance(data, list) or not all(isinstance(part, str) for part in data):
        return None
    match data:
        case [severity, reason, path, api, provider, message, hint] if severity in get_args(SeverityWord):
            if not _WORD.fullmatch(reason):
                return None
            return ReportedFinding(
                severity,
                reason,
                one_line(path, _PATH_CHARACTERS),
                one_line(message, MESSAGE_CHARACTERS),
                one_line(hint, HINT_CHARACTERS),
                one_line(api, _NAME_CHARACTERS),
                one_line(provider, _NAME_CHARACTERS),
            )
        case [word, digest] if word == _SHIPS and _DIGEST.fullmatch(digest):
            return str(digest)
        case [state, api, provider_id, provider_type, version] if state in get_args(ProviderWord):
            names = [one_line(name, _NAME_CHARACTERS) for name in (api, provider_id, provider_type, version)]
            return ReportedProvider(names[0], names[1], names[2], state, names[3])
    return None


def _begin(line: str) -> Any:
    """Return what a line begins with: where the text was cut at its end, the rest of another line is behind it."""
    try:
        return json.JSONDecoder().raw_decode(line)[0]
    except (ValueError, RecursionError):
        return None


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _dump(data: list[Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines) - 1
