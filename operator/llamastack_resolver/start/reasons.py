"""Reasons that show where the packages are installed, for there providers can be made."""

from __future__ import annotations

from llamastack_resolver.findings import PASSING_ERROR_OF_A_STACK, Declaration, Place, Reason, Severity


class StartReason(Reason):
    """Why a provider does not start."""

    INSTANTIATION_FAILED = Declaration(
        "InstantiationFailed",
        meaning="A provider's factory failed, or did not come back in time.",
        cure="Correct the provider's config, or start what it connects to; the message has the error.",
        shows=(Place.REPORT, *PASSING_ERROR_OF_A_STACK),
        example="starting remote::vllm failed: ConnectionError: refused",
        severities=(Severity.ERROR,),
    )
    DEPENDENCY_FAILED = Declaration(
        "DependencyFailed",
        meaning="A provider was not started, for what it needs was not; an error where nothing else says why.",
        cure="Correct the findings of the API that it needs.",
        shows=(Place.REPORT, *PASSING_ERROR_OF_A_STACK),
        example="not started: it needs inference, which failed",
        severities=(Severity.ERROR, Severity.WARNING),
    )
