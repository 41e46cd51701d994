"""Reads the files that a command was given, and checks every document in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_operator import catalog
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.releases import release_for
from llamastack_resolver.documents.read import Input, read_inputs
from llamastack_resolver.documents.resolve import locate, resolve_input
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import Resolution

STDIN = "-"


@dataclass(frozen=True)
class Checked:
    """One document and its verdict."""

    document: Input
    release: Release | None
    findings: tuple[Finding, ...]
    resolution: Resolution | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a document in a report."""
        return {
            "file": self.document.file,
            "kind": self.document.kind,
            "name": self.document.name,
            "stackVersion": str(self.release) if self.release else None,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def read_files(names: Iterable[str]) -> list[tuple[str, bytes]]:
    """Return name and content of every file; directories are searched for *.yaml and *.yml, `-` is standard
    input.

    Raises:
        CliError: a file cannot be read, or a directory holds no YAML.
    """
    files = []
    for name in names:
        if name == STDIN:
            files.append(("<stdin>", sys.stdin.buffer.read()))
            continue
        path = Path(name)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
            if not found:
                raise CliError(f"{name}: no *.yaml file in this directory")
            files += [(str(p), _read(p)) for p in found]
        else:
            files.append((name, _read(path)))
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or error}") from error


def check_files(names: Iterable[str], override: Release | None) -> list[Checked]:
    """Check every document of the files; other Kubernetes objects are left out."""
    return [
        check_document(document, override)
        for document in read_inputs(read_files(names))
        if document.kind != "Other" or document.findings
    ]


def check_document(document: Input, override: Release | None) -> Checked:
    """Check one document."""
    if document.kind == "Other" or document.config is None:
        findings = Findings(locate(document.findings, document)).sorted()
        return Checked(document, document.release, tuple(findings), None)
    release, resolution = release_for(document, override)
    if release is None:
        findings = Findings(locate(document.findings, document)).sorted()
        return Checked(document, document.release, tuple(findings), None)
    if resolution is None:
        resolution = resolve_input(document, catalog.load_release(release), read_files=True)
    ordered = Findings(resolution.findings).sorted()
    return Checked(document, release, tuple(ordered), resolution)
