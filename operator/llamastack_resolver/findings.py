"""What the resolver says about a config: findings, the same in every place where it runs.

The operator says what is wrong with a stack in the same words. Reasons are a vocabulary that users meet in
conditions, in reports and in CI annotations, so each is declared once, with its meaning and its cure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, Self, TypedDict

DOCUMENT = "."
"""The path of a finding about a whole document."""


class Severity(StrEnum):
    """How much a finding matters: an error keeps the stack from serving as written."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Place(StrEnum):
    """Where a user meets a reason; the names of conditions are those of a LlamaStack."""

    REPORT = "reports of `llamastack`"
    FINDING = "`status.findings`"
    BUILD = "`status.failure` of a LlamaStackBuild"
    READY = "Ready"
    CONFIG_VALID = "ConfigValid"
    PROVIDERS_RESOLVED = "ProvidersResolved"
    DEPRECATED = "Deprecated"
    IMAGE_READY = "ImageReady"
    PROTOCOL_COMPLIANT = "ProtocolCompliant"
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    EVENT = "Event"

    @property
    def true(self) -> Answer:
        """The answer True to the question of a condition."""
        return Answer(self, "True")

    @property
    def false(self) -> Answer:
        """The answer False."""
        return Answer(self, "False")

    @property
    def unknown(self) -> Answer:
        """That it cannot be told."""
        return Answer(self, "Unknown")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a condition says where a reason stands in it.

    Attributes:
        place: the condition.
        status: True, False or Unknown.
    """

    place: Place
    status: Literal["True", "False", "Unknown"]

    def __str__(self) -> str:
        return f"{self.place}={self.status}"


ERROR_OF_A_STACK = (
    Place.FINDING,
    Place.READY.false,
    Place.RECONCILING.false,
    Place.STALLED.true,
    Place.EVENT,
)
"""Where an error shows that keeps the operator from bringing a stack to its newest generation."""
PASSING_ERROR_OF_A_STACK = (Place.FINDING, Place.READY.false, Place.RECONCILING.true, Place.EVENT)
"""The same for an error that a later look may find gone: nothing is stalled."""
FAILURE_OF_A_BUILD = (Place.IMAGE_READY.false, Place.BUILD, *ERROR_OF_A_STACK, Place.RECONCILING.true)
"""Where a failed build shows: it may be tried again, and then nothing is stalled."""
UNRESOLVED = (Place.PROVIDERS_RESOLVED.false, Place.PROVIDERS_RESOLVED.unknown)
"""What is said of all providers where something is wrong with one: it cannot be told where that is a warning."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a reason: all that its users can read of it comes from here.

    Attributes:
        word: the reason as conditions, reports and CI annotations have it; never changed.
        meaning: what it says, in a sentence or two.
        cure: what to do; empty where nothing is to be done.
        shows: where it can be met; of a condition, with what.
        example: a message that comes with it.
        severities: those that its findings have; none where it only stands in conditions.
    """

    word: str
    meaning: str
    cure: str
    shows: tuple[Place | Answer, ...]
    example: str
    severities: tuple[Severity, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it can be met, each once."""
        return tuple(dict.fromkeys(one.place if isinstance(one, Answer) else one for one in self.shows))

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The conditions that it can stand in, with what they say then."""
        return tuple(one for one in self.shows if isinstance(one, Answer))

    @property
    def passing(self) -> bool:
        """Whether a later look may find it gone without a change of the stack: it never stalls one."""
        return Place.RECONCILING.true in self.shows and Place.STALLED.true not in self.shows


class Reason(StrEnum):
    """Why something is as it is, in one word for machines.

    Each room declares the reasons that it raises in a subclass, in its module `reasons`; together they are the
    vocabulary. `docs/reasons.md` is made from them.
    """

    _value_: str
    declaration: Declaration

    def __new__(cls, declaration: Declaration) -> Self:
        """Make a member whose value is the word alone."""
        member = str.__new__(cls, declaration.word)
        member._value_ = declaration.word
        member.declaration = declaration
        return member


@dataclass(frozen=True)
class Finding:
    """One mistake, or one thing worth knowing.

    Attributes:
        severity: error, warning or info.
        reason: the cause, from the vocabulary.
        message: what is wrong, in one sentence.
        path: where, as a field path such as `providers.inference[0].config.url`; `DOCUMENT` for the whole of it.
        api: the API concerned, if one is.
        provider: the provider id concerned, if one is.
        hint: what to do about it.
        line: line in the file, counted from 1, where it is known.
        file: the file that line and path are of, where it is not that of the document, or another object of it.
        object: that object, such as `ConfigMap/my-config`.
    """

    severity: Severity
    reason: Reason
    message: str
    path: str
    api: str | None = None
    provider: str | None = None
    hint: str | None = None
    line: int | None = None
    file: str | None = None
    object: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape; keys without a value are left out, but for the first four."""
        data: dict[str, Any] = {
            "severity": self.severity.value,
            "reason": self.reason.value,
            "message": self.message,
            "path": self.path,
        }
        for name in ("api", "provider", "hint", "line", "file", "object"):
            if (value := getattr(self, name)) is not None:
                data[name] = value
        return data


class Whose(TypedDict):
    """Whom a finding concerns, for several findings about the same.

    Attributes:
        api: the API.
        provider: the provider id, if one is concerned.
    """

    api: str
    provider: str | None


class Findings:
    """A list of findings that are added one after the other; the same finding is kept once."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._findings: dict[Finding, None] = dict.fromkeys(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    def add(self, finding: Finding) -> None:
        """Add one finding."""
        self._findings[finding] = None

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add several findings."""
        self._findings.update(dict.fromkeys(findings))

    def error(
        self,
        reason: Reason,
        message: str,
        path: str,
        *,
        hint: str,
        api: str | None = None,
        provider: str | None = None,
        line: int | None = None,
    ) -> None:
        """Add an error; the arguments are the attributes of a `Finding`. There is always something to do."""
        self.add(Finding(Severity.ERROR, reason, message, path, api, provider, hint, line))

    def warning(
        self,
        reason: Reason,
        message: str,
        path: str,
        *,
        hint: str,
        api: str | None = None,
        provider: str | None = None,
        line: int | None = None,
    ) -> None:
        """Add a warning; the arguments are the attributes of a `Finding`. There is always something to do."""
        self.add(Finding(Severity.WARNING, reason, message, path, api, provider, hint, line))

    def info(
        self,
        reason: Reason,
        message: str,
        path: str,
        *,
        hint: str | None,
        api: str | None = None,
        provider: str | None = None,
        line: int | None = None,
    ) -> None:
        """Add a piece of information; `hint` is None where nothing is to be done."""
        self.add(Finding(Severity.INFO, reason, message, path, api, provider, hint, line))

    @property
    def has_errors(self) -> bool:
        """Whether one of them is an error."""
        return any(finding.severity is Severity.ERROR for finding in self)

    def sorted(self) -> list[Finding]:
        """Return errors first, then warnings, then information; within each as they were found."""
        order = list(Severity)
        return sorted(self, key=lambda finding: order.index(finding.severity))


def with_prefix(findings: Iterable[Finding], prefix: str) -> list[Finding]:
    """Return the findings with `prefix` (such as `spec.runConfig`) put before their paths."""
    if not prefix:
        return list(findings)
    return [
        replace(finding, path=prefix if finding.path == DOCUMENT else f"{prefix}.{finding.path}")
        for finding in findings
    ]
