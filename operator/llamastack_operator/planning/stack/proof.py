"""What the report of a preflight proves: it had no claim, no GPU, and perhaps no way to a database.

What stands in the config, and what code lacks, is so wherever it is looked at. What a provider says when it is started,
or what could not be read, may come of scratch storage: it says nothing about the pods that will have the user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_resolver.findings import Reason
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason, ProtocolReason
from llamastack_resolver.start_plan.reasons import StartPlanReason

_OF_INSTANCES: tuple[Reason, ...] = tuple(ProtocolReason)
"""What a provider lacks that was started: nothing that it has on its storage adds a method."""
_OF_CODE: tuple[Reason, ...] = (
    ModuleReason.MODULE_NOT_FOUND,
    ModuleReason.MODULE_IMPORT_FAILED,
    ModuleReason.SPEC_MISSING,
    ModuleReason.SPEC_MISMATCH,
)
_OF_SPECS: tuple[Reason, ...] = (
    ProviderReason.UNKNOWN_API,
    ProviderReason.UNKNOWN_PROVIDER_TYPE,
    ProviderReason.PROVIDER_RENAMED,
    ProviderReason.PROVIDER_REMOVED,
    *StartPlanReason,
)
_OF_CONFIG: tuple[Reason, ...] = (
    ProviderReason.PROVIDER_DEPRECATION_ERROR,
    ProviderReason.ROUTED_API_OVERRIDE,
    ProviderReason.DUPLICATE_PROVIDER_ID,
    ProviderReason.INVALID_PROVIDER_CONFIG,
    ConfigReason.INVALID_RUN_CONFIG,
    ConfigReason.UNKNOWN_FIELD,
    ConfigReason.MISSING_ENV,
    ConfigReason.UNSUPPORTED_VERSION,
)
_DIRECTORIES = ("external_providers_dir", "external_apis_dir")
_ELSEWHERE = (
    "Errno",
    "OSError",
    "PermissionError",
    "FileNotFoundError",
    "NotADirectoryError",
    "IsADirectoryError",
    "No such file",
    "does not point to",
    "ConnectionError",
    "ConnectionRefused",
    "ConnectError",
    "ConnectTimeout",
    "Connection refused",
    "TimeoutError",
    "ReadTimeout",
    "timed out",
    "gaierror",
    "OperationalError",
    "DatabaseError",
    "MemoryError",
    "out of memory",
    "CUDA",
    "libcuda",
    "NVIDIA",
)
"""Words of errors about files, networks, databases, memory and devices."""
_PACKAGES = ("site-packages", "dist-packages")


def proved(report: StartReport, spec: LlamaStackSpec, scratch: Sequence[str]) -> StartReport | None:
    """Return what a failed report says for certain of the pods that are to come; None where that is no error.

    Args:
        report: what the check said.
        spec: the stack's spec.
        scratch: where its preflight had scratch storage in the place of claims.
    """
    reasons = _reasons(report, spec, scratch)
    left_out = [one for one in report.findings if one.severity == "error" and not _holds(one, reasons, scratch)]
    findings = tuple(one for one in report.findings if one not in left_out)
    errors = sum(one.severity == "error" for one in findings)
    if not errors:
        return None
    providers = tuple(_row(one, findings) for one in report.providers)
    return replace(report, findings=findings, providers=providers, errors=errors, failed=_failed(providers))


def _reasons(report: StartReport, spec: LlamaStackSpec, scratch: Sequence[str]) -> frozenset[str]:
    """Return the words of the reasons that are none of storage.

    A directory of specs that was not there may lie on a claim, and so may code that Python is told to look for there.
    """
    known = [*_OF_INSTANCES, *_OF_CONFIG]
    if not any(one.path.startswith(_DIRECTORIES) for one in report.findings):
        known += _OF_SPECS
        known += [] if _may_hold_code(spec, scratch) else _OF_CODE
    return frozenset(reason.value for reason in known)


def _holds(error: ReportedFinding, reasons: frozenset[str], scratch: Sequence[str]) -> bool:
    if error.reason not in reasons:
        return False
    if error.reason in _OF_INSTANCES:
        return True
    return not any(word in error.message for word in (*_ELSEWHERE, *scratch))


def _may_hold_code(spec: LlamaStackSpec, scratch: Sequence[str]) -> bool:
    """Tell whether Python looks for packages on a claim, or may be told to by a value that is not known here."""
    env = (spec.server.env if spec.server is not None else None) or []
    path = next((variable for variable in env if variable.name == "PYTHONPATH"), None)
    if path is not None and path.value_from is not None:
        return True
    folders = (path.value or "").split(":") if path is not None else []
    on_claims = any(_is_below(folder, mount) for folder in folders for mount in scratch)
    return on_claims or any(name in mount for mount in scratch for name in _PACKAGES)


def _is_below(folder: str, mount: str) -> bool:
    return PurePosixPath(folder).is_relative_to(mount)


def _row(provider: ReportedProvider, findings: Iterable[ReportedFinding]) -> ReportedProvider:
    """Return how a provider stands: one that failed for nothing that is proved is not known to fail."""
    if provider.state not in ("Failed", "DependencyFailed"):
        return provider
    about = any(one.severity == "error" and (one.api, one.provider) == (provider.api, provider.id) for one in findings)
    return provider if about else replace(provider, state="Unproven")


def _failed(providers: Iterable[ReportedProvider]) -> int:
    return sum(one.state in ("Failed", "NonCompliant", "DependencyFailed") for one in providers)
