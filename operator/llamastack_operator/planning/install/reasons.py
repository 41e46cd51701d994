"""Reasons about what is too large to be installed. The installer names them as text, for it stands alone."""

from __future__ import annotations

from llamastack_resolver.findings import FAILURE_OF_A_BUILD, Declaration, Place, Reason, Severity


class InstallReason(Reason):
    """Why something cannot be installed as one layer."""

    LIMIT_EXCEEDED = Declaration(
        "LimitExceeded",
        meaning="More is to be installed than one layer can record; the message has what and how much.",
        cure="Install fewer packages or modules, or use a base image that has most of them.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *FAILURE_OF_A_BUILD),
        example="300 provider modules are named, and one image can record 256",
        severities=(Severity.ERROR,),
    )
