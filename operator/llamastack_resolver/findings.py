"""What the resolver says about a config: findings, the same in every place where it runs.

The reasons are a vocabulary that users meet in conditions, in reports and in CI annotations, so they are
listed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters: an error keeps the stack from serving as written."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Reason(StrEnum):
    """Why a finding was made; one word for one cause."""

    UNKNOWN_API = "UnknownApi"
    UNKNOWN_PROVIDER_TYPE = "UnknownProviderType"
    PROVIDER_RENAMED = "ProviderRenamed"
    PROVIDER_REMOVED = "ProviderRemoved"
    PROVIDER_DEPRECATED = "ProviderDeprecated"
    PROVIDER_DEPRECATION_ERROR = "ProviderDeprecationError"
    ROUTED_API_OVERRIDE = "RoutedApiOverride"
    DUPLICATE_PROVIDER_ID = "DuplicateProviderId"
    SHADOWED_PROVIDER = "ShadowedProvider"
    MISSING_DEPENDENCY = "MissingDependency"
    DEPENDENCY_FAILED = "DependencyFailed"
    DEPENDENCY_CYCLE = "DependencyCycle"
    INVALID_RUN_CONFIG = "InvalidRunConfig"
    INVALID_MANIFEST = "InvalidManifest"
    UNKNOWN_FIELD = "UnknownField"
    INVALID_PROVIDER_CONFIG = "InvalidProviderConfig"
    INLINE_SECRET = "InlineSecret"  # noqa: S105
    MISSING_ENV = "MissingEnv"
    MISSING_REFERENCE = "MissingReference"
    UNSUPPORTED_VERSION = "UnsupportedVersion"
    MODULE_NOT_FOUND = "ModuleNotFound"
    MODULE_IMPORT_FAILED = "ModuleImportFailed"
    SPEC_MISSING = "SpecMissing"
    SPEC_MISMATCH = "SpecMismatch"
    REQUIREMENT_CONFLICT = "RequirementConflict"
    REQUIREMENT_INVALID = "RequirementInvalid"
    LIMIT_EXCEEDED = "LimitExceeded"
    RESOLVED_IN_IMAGE = "ResolvedInImage"
    INSTANTIATION_FAILED = "InstantiationFailed"
    MISSING_METHOD = "MissingMethod"
    SIGNATURE_MISMATCH = "SignatureMismatch"
    NOT_IMPLEMENTED = "NotImplemented"
    STARTUP_FAILED = "StartupFailed"
    UNREACHABLE = "Unreachable"
    UNHEALTHY = "Unhealthy"


@dataclass(frozen=True)
class Finding:
    """One mistake, or one thing worth knowing.

    Attributes:
        severity: error, warning or info.
        reason: the cause, from the vocabulary.
        message: what is wrong, in one sentence.
        path: where, as a field path such as `providers.inference[0].config.url`; empty for the whole
            document.
        api: the API concerned, if one is.
        provider: the provider id concerned, if one is.
        hint: what to do about it.
        line: line in the file, counted from 1, where it is known.
    """

    severity: Severity
    reason: Reason
    message: str
    path: str = ""
    api: str | None = None
    provider: str | None = None
    hint: str | None = None
    line: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape; keys without a value are left out, but for the first four."""
        data: dict[str, Any] = {
            "severity": self.severity.value,
            "reason": self.reason.value,
            "message": self.message,
            "path": self.path,
        }
        for name in ("api", "provider", "hint", "line"):
            if (value := getattr(self, name)) is not None:
                data[name] = value
        return data


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

    def error(self, reason: Reason, message: str, path: str = "", **where: Any) -> None:
        """Add an error; `where` takes api, provider, hint and line."""
        self.add(Finding(Severity.ERROR, reason, message, path, **where))

    def warning(self, reason: Reason, message: str, path: str = "", **where: Any) -> None:
        """Add a warning; `where` takes api, provider, hint and line."""
        self.add(Finding(Severity.WARNING, reason, message, path, **where))

    def info(self, reason: Reason, message: str, path: str = "", **where: Any) -> None:
        """Add a piece of information; `where` takes api, provider, hint and line."""
        self.add(Finding(Severity.INFO, reason, message, path, **where))

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
    return [replace(finding, path=f"{prefix}.{finding.path}" if finding.path else prefix) for finding in findings]
