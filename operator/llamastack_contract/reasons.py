"""The reasons that a program of a build can give for its failure: one list for those who give and those who read them.

What they mean and what to do about each is told in `docs/images.md` and `docs/conditions.md`.
"""

from __future__ import annotations

from typing import Literal, TypeGuard, get_args

FailureReason = Literal[
    "BaseNotFound",
    "BuildFailed",
    "DiskFull",
    "HashMismatch",
    "IndexCertificate",
    "IndexUnauthorized",
    "IndexUnreachable",
    "LimitExceeded",
    "LockLost",
    "ModuleImportFailed",
    "ModuleNotFound",
    "PushDenied",
    "RegistryCertificate",
    "RegistryUnauthorized",
    "RegistryUnreachable",
    "RequirementConflict",
    "RequirementInvalid",
    "SourceBuildFailed",
    "SourceDistributionRefused",
    "SpecMismatch",
    "SpecMissing",
    "Tampered",
    "TimedOut",
    "UnsupportedBase",
]
BUILD_REASONS: frozenset[str] = frozenset(get_args(FailureReason))


def is_build_reason(word: object) -> TypeGuard[FailureReason]:
    """Tell whether a word is one of the reasons."""
    return isinstance(word, str) and word in BUILD_REASONS
