"""What a stack's own pods have told of the image that its spec names, as its status keeps it.

Pods go, and take their words along; a status lasts past suspend and restarts. What a stranger's image says counts for
the one stack that runs it: nobody else's status is ever asked. And it counts for the very image: a digest stands for
what it names for ever, a tag for what it named when a pod was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.objects.pods import digest_of
from llamastack_operator.planning.stack.stack import Stack
from llamastack_resolver.releases import Release, UnknownReleaseError

_RELEASED = re.compile(r"(?:docker\.io/)?(?:llamastack|ogx)/distribution-[a-z0-9-]{1,64}:v?[0-9]{1,9}\.[0-9]")
_SPECS = re.compile(r"[0-9a-f]{16}")
_INPUTS = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ImageReport:
    """What a pod reported.

    Attributes:
        image: the image as the pod's spec had it.
        digest: the digest that it ran.
        release: the release in it, as `Release` writes it.
        specs: what tells the APIs and provider specs that the release brings there; empty where it was not told.
        inputs: the digest of the inputs with which pods have started; empty where that is not known.
    """

    image: str
    digest: str
    release: str
    specs: str = ""
    inputs: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Return what the status keeps."""
        wire = {"image": self.image, "digest": self.digest, "release": self.release}
        return wire | {key: text for key, text in (("specs", self.specs), ("inputs", self.inputs)) if text}


@dataclass(frozen=True, slots=True)
class KnownImage:
    """What is known of the image that a spec names.

    Attributes:
        release: the release in it, as a pod reported it.
        specs: what tells what that brings; empty where it is not known.
        pinned: whether the spec names the image by the digest that the pod ran, so that it can be no other.
    """

    release: str
    specs: str
    pinned: bool


def names_its_release(image: str) -> bool:
    """Tell whether an image is one of upstream's own, whose tag says the release: no pod has to."""
    return _RELEASED.match(image) is not None


def kept_report(status: Mapping[str, Any]) -> ImageReport | None:
    """Return what a status keeps; None where that is nothing, or nothing of ours."""
    kept = status.get("imageReport")
    if not isinstance(kept, Mapping):
        return None
    texts = [kept.get(key, "") for key in ("image", "digest", "release", "specs", "inputs")]
    if not all(isinstance(text, str) for text in texts):
        return None
    image, digest, release, specs, inputs = texts
    known = release_text(release)
    if not image or digest_of(digest) != digest or not digest or not known:
        return None
    return ImageReport(image, digest, known, _matching(_SPECS, specs), _matching(_INPUTS, inputs))


def known_image(stack: Stack) -> KnownImage | None:
    """Return what a stack's pods have told of its image; None where that is nothing, or its name says it."""
    image = stack.spec.distribution.image if stack.spec is not None else None
    if image is None or names_its_release(image):
        return None
    report = kept_report(stack.status)
    if report is None:
        return None
    pinned = digest_of(image)
    if image != report.image and pinned != report.digest:
        return None
    return KnownImage(report.release, report.specs, bool(pinned))


def has_started(stack: Stack, inputs: str) -> bool:
    """Tell whether pods of a stack's image have started with these inputs, and said so.

    Args:
        stack: the stack.
        inputs: the digest of the inputs.
    """
    report = kept_report(stack.status)
    return bool(inputs) and report is not None and report.inputs == inputs


def release_text(said: str) -> str:
    """Return a release as `Release` writes it; empty for what is none."""
    try:
        return str(Release.parse(said[:64]))
    except UnknownReleaseError:
        return ""


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
