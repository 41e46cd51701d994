"""Which release a document is checked against, and what the catalog knows about it."""

from __future__ import annotations

from functools import cache

from llamastack_operator import catalog
from llamastack_operator.cli.parser import CliError
from llamastack_resolver.documents.detect import detect_release, parse_release, release_of_image
from llamastack_resolver.documents.input import Input
from llamastack_resolver.findings import DOCUMENT
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release, UnknownReleaseError

_RELEASE = "name a release of `llamastack catalog`"


def named_release(text: str | None) -> Release | None:
    """Read `--stack-version`.

    Raises:
        CliError: the catalog has no such release; the message names the nearest.
    """
    if text is None:
        return None
    try:
        return parse_release(text, catalog.releases())
    except UnknownReleaseError as error:
        raise CliError(f"--stack-version: {error}") from error


def release_for(document: Input, override: Release | None) -> Release | None:
    """Return the release to check a document against; None, and a finding, where it names one that is not
    known.

    What the user names on the command line wins, then the document's own release, then the image's tag; a
    config that says nothing is judged by its keys and provider types, and the report says so.
    """
    if override is not None:
        return override
    if document.release is not None:
        return _declared(document, document.release)
    if document.image is not None:
        release = release_of_image(document.image, catalog.releases())
        if release is not None:
            return release
    if not isinstance(document.config, dict):
        return catalog.releases()[-1]
    detection = detect_release(_providers_of(document), catalog.releases(), _knows)
    document.findings.info(
        ConfigReason.UNSUPPORTED_VERSION,
        f"checked as {detection.release} ({detection.because})",
        DOCUMENT,
        hint="name the release with --stack-version",
    )
    return detection.release


def _declared(document: Input, release: Release) -> Release | None:
    path = "spec.distribution.release.version"
    if catalog.stand_in(release) != release:
        try:
            parse_release(f"{release.package}-{release.version}", catalog.releases())
        except UnknownReleaseError as error:
            document.findings.error(ConfigReason.UNSUPPORTED_VERSION, str(error), path, hint=_RELEASE)
        return None
    tagged = release_of_image(document.image, catalog.releases()) if document.image else None
    if tagged is not None and tagged != release:
        message = f"the image is of {tagged}, and is checked as {release}"
        document.findings.warning(ConfigReason.UNSUPPORTED_VERSION, message, path, hint="name the image's release")
    return release


def _providers_of(document: Input) -> dict[str, object]:
    if document.kind != "BuildConfig":
        return dict(document.config)
    spec = document.config.get("distribution_spec")
    return {"providers": spec.get("providers") if isinstance(spec, dict) else None}


def _knows(release: Release, api: str, provider_type: str) -> bool:
    return release in _having(api, provider_type)


@cache
def _having(api: str, provider_type: str) -> frozenset[Release]:
    span = catalog.history().get(api, {}).get(provider_type)
    return frozenset(release for release in catalog.releases() if span and span[0] <= release <= span[1])
