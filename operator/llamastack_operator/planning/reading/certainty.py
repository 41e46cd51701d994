"""Which errors are certain. Only those stop a stack: what an image may bring that is not known here is a warning.

A release that the operator installs itself is known, and so are upstream's own images, whose tag names it. Any other
image may have more than its release: provider types, directories, keys. Where not even the release is known, it was
concluded from the config, and whatever speaks against the config speaks against the conclusion as well.

A pod of the image makes more of it certain: its release, and whether it brings the very types of that release. At the
config classes behind them a pod looks only where it starts them, so keys stay what an image may bring. All this holds
for the digest that the pod ran; a tag may stand for another image by now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from llamastack_operator import catalog
from llamastack_operator.planning.reading.reported import ReportedRelease
from llamastack_operator.planning.stack.reading import as_warning, with_hint
from llamastack_resolver.documents.detect import release_of_image
from llamastack_resolver.documents.input import Input
from llamastack_resolver.findings import Finding, Reason, Severity
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.start_plan.reasons import StartPlanReason

_UPSTREAM = re.compile(r"(?:docker\.io/)?(?:llamastack|ogx)/distribution-[a-z0-9-]{1,64}(?::|@|\Z)")
_SPECS: frozenset[Reason] = frozenset(
    {
        ProviderReason.UNKNOWN_API,
        ProviderReason.UNKNOWN_PROVIDER_TYPE,
        ProviderReason.PROVIDER_RENAMED,
        ProviderReason.PROVIDER_REMOVED,
        StartPlanReason.MISSING_DEPENDENCY,
    }
)
"""What follows from the APIs and provider specs of a release."""
_AN_IMAGE_MAY_BRING: frozenset[Reason] = _SPECS | {
    ProviderReason.INVALID_PROVIDER_CONFIG,
    ConfigReason.UNKNOWN_FIELD,
    ModuleReason.SPEC_MISSING,
}
_ITS_OWN = "It does not stop the stack, for the image may have more than its release."
_CONCLUDED = "It does not stop the stack, for the image's release is not known: name it in `spec.distribution.release`."
_TAG = (
    "It does not stop the stack, for its tag may stand for another image than the one whose pod reported {}: "
    "name the image by digest, or its release in `spec.distribution.release`."
)
_REPORTED = "A pod of this image reported {}."


def with_certainty(
    findings: Iterable[Finding], document: Input, reported: ReportedRelease | None = None
) -> list[Finding]:
    """Return the findings about a manifest with those errors as warnings that its image may disprove.

    Args:
        findings: what the checks found.
        document: the manifest, with what was wrong before a release came into play among its findings.
        reported: what a pod reported of its image.
    """
    if document.image is None or _is_upstream(document.image):
        return list(findings)
    told = reported if decides(reported, document) else None
    may_bring = _AN_IMAGE_MAY_BRING - _SPECS if told is not None and told.plain else _AN_IMAGE_MAY_BRING
    if document.release is not None:
        return _lowered(findings, may_bring)
    own = {(one.reason, one.message) for one in document.findings}
    if told is not None:
        why = _REPORTED.format(told.release)
        certain = _lowered(findings, may_bring)
        return [with_hint(one, why) if _stops(one) and not _is_own(one, own) else one for one in certain]
    why = _CONCLUDED if reported is None else _TAG.format(reported.release)
    return [one if _is_own(one, own) else as_warning(one, why) for one in findings]


def decides(reported: ReportedRelease | None, document: Input) -> bool:
    """Tell whether what a pod reported of an image makes an error certain that would be a warning without it.

    Args:
        reported: what it reported.
        document: the manifest: a release that it names is taken for what the image holds.
    """
    if reported is None or not reported.sure:
        return False
    return document.release is None or (reported.plain and reported.release == document.release)


def _lowered(findings: Iterable[Finding], reasons: Set[Reason]) -> list[Finding]:
    """Return the findings with those of some reasons as what the image may bring."""
    return [as_warning(one, _ITS_OWN) if one.reason in reasons else one for one in findings]


def _is_own(finding: Finding, own: Set[tuple[Reason, str]]) -> bool:
    """Tell whether a finding is about the document itself, whatever release it is for."""
    return (finding.reason, finding.message) in own


def _stops(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR


def _is_upstream(image: str) -> bool:
    """Tell whether an image is one of upstream's own, of a release that is known here."""
    return _UPSTREAM.match(image) is not None and release_of_image(image, catalog.releases()) is not None
