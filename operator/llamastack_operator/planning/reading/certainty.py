"""Which errors are certain. Only those stop a stack: what an image may bring that is not known here is a warning.

A release that the operator installs itself is known, and so are upstream's own images, whose tag names it. Any other
image may have more than its release: provider types, directories, keys. Where not even the release is known, it was
concluded from the config, and whatever speaks against the config speaks against the conclusion as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from llamastack_operator import catalog
from llamastack_operator.planning.stack.reading import as_warning
from llamastack_resolver.documents.detect import release_of_image
from llamastack_resolver.documents.input import Input
from llamastack_resolver.findings import Finding, Reason
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.start_plan.reasons import StartPlanReason

_UPSTREAM = re.compile(r"(?:docker\.io/)?(?:llamastack|ogx)/distribution-[a-z0-9-]{1,64}(?::|@|\Z)")
_AN_IMAGE_MAY_BRING: frozenset[Reason] = frozenset(
    {
        ProviderReason.UNKNOWN_API,
        ProviderReason.UNKNOWN_PROVIDER_TYPE,
        ProviderReason.PROVIDER_RENAMED,
        ProviderReason.PROVIDER_REMOVED,
        ProviderReason.INVALID_PROVIDER_CONFIG,
        ConfigReason.UNKNOWN_FIELD,
        ModuleReason.SPEC_MISSING,
        StartPlanReason.MISSING_DEPENDENCY,
    }
)
_ITS_OWN = "It does not stop the stack, for the image may have more than its release."
_CONCLUDED = "It does not stop the stack, for the image's release is not known: name it in `spec.distribution.release`."


def with_certainty(findings: Iterable[Finding], document: Input) -> list[Finding]:
    """Return the findings about a manifest with those errors as warnings that its image may disprove.

    Args:
        findings: what the checks found.
        document: the manifest, with what was wrong before a release came into play among its findings.
    """
    if document.image is None or _is_upstream(document.image):
        return list(findings)
    if document.release is not None:
        return [as_warning(one, _ITS_OWN) if one.reason in _AN_IMAGE_MAY_BRING else one for one in findings]
    own = {(one.reason, one.message) for one in document.findings}
    return [one if (one.reason, one.message) in own else as_warning(one, _CONCLUDED) for one in findings]


def _is_upstream(image: str) -> bool:
    """Tell whether an image is one of upstream's own, of a release that is known here."""
    return _UPSTREAM.match(image) is not None and release_of_image(image, catalog.releases()) is not None
