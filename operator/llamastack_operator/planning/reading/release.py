"""Which release a document is checked against, and what the catalog knows about it."""

from __future__ import annotations

from dataclasses import replace

from llamastack_operator import catalog
from llamastack_resolver.documents.build_config import build_entries
from llamastack_resolver.documents.detect import detect_release, parse_release, release_of_image, unknown_tag
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.resolve import locate, resolve_input
from llamastack_resolver.findings import DOCUMENT, Findings, Severity
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release, UnknownReleaseError
from llamastack_resolver.resolution import Resolution

_RELEASE = "name a release of `llamastack catalog`"


def release_for(
    document: Input, override: Release | None, read_files: bool, reported: Release | None = None
) -> tuple[Release | None, Resolution | None]:
    """Return the release to check a document against, and the resolution where finding the release took one.

    What the user names on the command line wins, then the document's own release, then what a pod reported of the
    image, then the image's tag; a config that says nothing is judged by what is in it, and the report says so. There is
    no release, and a finding, where the document names one that nothing of the catalog stands in for.
    """
    named = _named(document, override, reported)
    if named is not None or document.release is not None:
        return named, None
    if not isinstance(document.config, dict):
        return catalog.releases()[-1], None
    return _concluded(document, read_files)


def _named(document: Input, override: Release | None, reported: Release | None) -> Release | None:
    if override is not None:
        return _told(document, override, DOCUMENT)
    if document.release is not None:
        return _declared(document, document.release)
    if reported is not None:
        return _told(document, reported, "spec.distribution.image")
    tagged = release_of_image(document.image, catalog.releases()) if document.image else None
    return _told(document, tagged, "spec.distribution.image") if tagged else None


def _concluded(document: Input, read_files: bool) -> tuple[Release, Resolution | None]:
    resolutions: dict[Release, Resolution] = {}

    def errors_of(release: Release) -> int:
        alone = replace(document, findings=Findings())
        resolution = resolve_input(alone, catalog.load_release(release), read_files)
        resolutions[release] = resolution
        return sum(finding.severity is Severity.ERROR for finding in resolution.findings)

    detection = detect_release(_config_of(document), catalog.outlines(), errors_of)
    unknown = unknown_tag(document.image, catalog.releases()) if document.image else None
    tag = f"; {unknown}, which the image's tag names, is not known" if unknown else ""
    document.findings.info(
        ConfigReason.UNSUPPORTED_VERSION,
        f"checked as {detection.release} ({detection.because}{tag})",
        DOCUMENT,
        hint=_name_it(document),
    )
    resolution = resolutions.get(detection.release)
    if resolution is not None:
        findings = (*locate(document.findings, document), *resolution.findings)
        resolution = replace(resolution, findings=findings)
    return detection.release, resolution


def _declared(document: Input, release: Release) -> Release | None:
    path = "spec.distribution.release.version"
    if catalog.stand_in(release) is None:
        try:
            parse_release(f"{release.package}-{release.version}", catalog.releases())
        except UnknownReleaseError as error:
            document.findings.error(ConfigReason.UNSUPPORTED_VERSION, str(error), path, hint=_RELEASE)
        return None
    tagged = release_of_image(document.image, catalog.releases()) if document.image else None
    if tagged is not None and tagged != release:
        message = f"the image is of {tagged}, and is checked as {release}"
        document.findings.warning(ConfigReason.UNSUPPORTED_VERSION, message, path, hint="name the image's release")
    return _told(document, release, path)


def _told(document: Input, release: Release, path: str) -> Release:
    """Return a release, and say so where another one of its minor stands in for it."""
    known = catalog.stand_in(release)
    if known is not None and known != release:
        message = f"{release} is not in the catalog: checked as {known}, the nearest patch of the same minor"
        document.findings.info(ConfigReason.UNSUPPORTED_VERSION, message, path, hint=_RELEASE)
    return release


def _name_it(document: Input) -> str:
    if document.kind == "LlamaStack":
        return "name it in `spec.distribution.release`, or with --stack-version"
    return "name the release with --stack-version"


def _config_of(document: Input) -> dict[str, object]:
    if document.kind != "BuildConfig":
        return dict(document.config)
    spec = document.config.get("distribution_spec")
    providers = spec.get("providers") if isinstance(spec, dict) else None
    return {"providers": build_entries(providers, Findings()) if isinstance(providers, dict) else None}
