"""Reasons about the image of a stack while it is made, and when it is there."""

from __future__ import annotations

from llamastack_resolver.findings import Declaration, Place, Reason

_AT_WORK = (Place.IMAGE_READY, Place.READY, Place.RECONCILING, Place.EVENT)


class ImageReason(Reason):
    """How the image of the newest generation stands."""

    PREBUILT = Declaration(
        "Prebuilt",
        meaning="Nothing has to be installed: `spec.distribution.image` is run as it is.",
        cure="",
        shows=(Place.IMAGE_READY,),
        example="registry.example/llama-stack:0.7.3 has all that the stack needs",
    )
    UP_TO_DATE = Declaration(
        "UpToDate",
        meaning="The image was built and is run by its digest.",
        cure="",
        shows=(Place.IMAGE_READY,),
        example="built as registry.example/bot@sha256:0f3a",
    )
    INSTALLED_AT_START = Declaration(
        "InstalledAtStart",
        meaning="The packages are locked, and each pod installs them at its start.",
        cure="",
        shows=(Place.IMAGE_READY,),
        example="12 packages are locked; each pod installs them at its start, for want of build.repository",
    )
    QUEUED = Declaration(
        "Queued",
        meaning="The build waits for its turn.",
        cure="",
        shows=_AT_WORK,
        example="the build modules-3fa2-1b waits for its turn",
    )
    BUILDING = Declaration(
        "Building",
        meaning="The build runs; the message tells how far it is.",
        cure="",
        shows=_AT_WORK,
        example="downloading torch (build modules-3fa2-1b)",
    )
