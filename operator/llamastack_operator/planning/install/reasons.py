"""Reasons about what is to be installed."""

from __future__ import annotations

from llamastack_resolver.findings import ERROR_OF_A_STACK, Declaration, Place, Reason, Severity


class InstallReason(Reason):
    """What is wrong with what a stack wants installed."""

    REQUIREMENT_INVALID = Declaration(
        "RequirementInvalid",
        meaning="A requirement does not follow PEP 508, or has an option that is not passed to pip.",
        cure="Write name, extras and versions, such as `my-provider[extra]>=1.0,<2`.",
        shows=(Place.REPORT, Place.CONFIG_VALID, Place.IMAGE_READY, Place.BUILD, *ERROR_OF_A_STACK),
        example="'--upgrade' names no package",
        severities=(Severity.ERROR,),
    )
