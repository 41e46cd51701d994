"""The release that a pod reported of an image, as far as the catalog knows it: a stranger's image may say anything."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator import catalog
from llamastack_operator.planning.stack.known_image import KnownImage
from llamastack_resolver.releases import Release, UnknownReleaseError


@dataclass(frozen=True, slots=True)
class ReportedRelease:
    """What a pod reported.

    Attributes:
        release: the release; one of the catalog, or one that another of its minor stands in for.
        plain: whether it brings there just the APIs and provider specs that the catalog has of it.
        sure: whether the image is that of the pod, since it is named by digest.
    """

    release: Release
    plain: bool
    sure: bool


def reported_release(known: KnownImage | None) -> ReportedRelease | None:
    """Return what a pod reported; None where it reported nothing, or no release of which the catalog knows anything.

    Args:
        known: what is known of the image.
    """
    if known is None:
        return None
    try:
        release = Release.parse(known.release)
    except UnknownReleaseError:
        return None
    found = catalog.stand_in(release)
    if found is None:
        return None
    plain = found == release and catalog.load_release(found).specs_digest == known.specs
    return ReportedRelease(release, plain, known.pinned)
