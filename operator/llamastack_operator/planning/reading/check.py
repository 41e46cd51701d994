"""Checks one document: by the command line, and by the operator, which reads a stack as a document too."""

from __future__ import annotations

from typing import Any, NamedTuple

from llamastack_operator import catalog
from llamastack_operator.planning.reading.release import release_for
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.resolve import locate, resolve_input
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import Resolution


class Checked(NamedTuple):
    """One document and its verdict.

    Attributes:
        document: the document.
        release: the release that it was checked for.
        findings: what there is to say, errors first.
        resolution: what its config was resolved to; None where there is none that could be.
    """

    document: Input
    release: Release | None
    findings: tuple[Finding, ...]
    resolution: Resolution | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a document in a report."""
        return {
            "file": self.document.file,
            "kind": self.document.object_kind or self.document.kind,
            "name": self.document.name,
            "stackVersion": str(self.release) if self.release else None,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_document(
    document: Input, override: Release | None, read_files: bool = False, reported: Release | None = None
) -> Checked:
    """Check one document.

    Args:
        document: the document.
        override: the release to check it for; default: the one that it names, else one that is concluded.
        read_files: whether the directories that a bare config names may be read from this machine; never for the text
            of a tenant.
        reported: the release that a pod of its image reported, where its tag is no proof of another.
    """
    if document.kind == "Other" or document.config is None:
        findings = Findings(locate(document.findings, document)).sorted()
        return Checked(document, document.release, tuple(findings), None)
    release, resolution = release_for(document, override, read_files, reported)
    if release is None:
        findings = Findings(locate(document.findings, document)).sorted()
        return Checked(document, document.release, tuple(findings), None)
    if resolution is None:
        resolution = resolve_input(document, catalog.load_release(release), read_files)
    ordered = Findings(resolution.findings).sorted()
    return Checked(document, release, tuple(ordered), resolution)
