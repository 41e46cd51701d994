"""Reasons that show where the packages are installed, for there providers can be made."""

from __future__ import annotations

from llamastack_resolver.findings import PASSING_ERROR_OF_A_STACK, Declaration, Place, Reason, Severity


class StartReason(Reason):
    """Why a provider does not start."""

    INSTANTIATION_FAILED = Declaration(
        "InstantiationFailed",
        meaning=(
            "A provider's factory failed, ended the process, or did not come back before the check's deadline; a "
            "warning where it left something running that the server may wait for, or where "
            "`llamastack check-provider` does not see that what it returns can be awaited."
        ),
        cure="Correct the provider's config, or start what it connects to; the message has the error and its place.",
        shows=(Place.REPORT, *PASSING_ERROR_OF_A_STACK),
        example="starting remote::vllm failed: ConnectionError: refused",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    DEPENDENCY_FAILED = Declaration(
        "DependencyFailed",
        meaning="A provider was not started, for what it needs was not; an error where nothing else says why.",
        cure="Correct the findings of the API that it needs.",
        shows=(Place.REPORT, *PASSING_ERROR_OF_A_STACK),
        example="not started: it needs inference, which failed",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    SLOW_START = Declaration(
        "SlowStart",
        meaning="A provider took more than a minute to start; the server takes as long, at each start.",
        cure="Give the startup probe that time (`spec.server.probes.startup`), or find out what it waits for.",
        shows=(Place.REPORT,),
        example="inline::sentence-transformers took 70 s to start",
        severities=(Severity.INFO,),
    )
    CHECK_FAILED = Declaration(
        "CheckFailed",
        meaning=(
            "The check at a pod's start could not be made, or not to its end: no release was found, the interpreter "
            "or its packages are too old, or the check itself is at fault. The server is started all the same."
        ),
        cure="Read the log of the check in the pod; where it is a fault of the check, report it.",
        shows=(Place.REPORT, Place.PROTOCOL_COMPLIANT.unknown),
        example="neither llama-stack nor ogx is installed here",
    )
