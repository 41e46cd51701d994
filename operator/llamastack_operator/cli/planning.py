"""The install plan of a document that a user handed in, and what else a build of it has to know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator import catalog
from llamastack_operator.cli.checking import check_files
from llamastack_operator.cli.output.console import Console
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.validate import is_error, print_finding
from llamastack_operator.planning.install.install_plan import (
    InstallPlan,
    file_packages,
    install_plan,
    resolved_packages,
)
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_operator.planning.reading.check import Checked
from llamastack_operator.workloads.settings import PYTHON_BASE
from llamastack_resolver.documents.build_config import build_entries
from llamastack_resolver.documents.detect import release_of_image
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.releases import Release

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_URL = re.compile(r"https?://[^\s\"'\\$]+")


@dataclass(frozen=True)
class Planned:
    """A document with its plan.

    Attributes:
        checked: the document and its verdict.
        plan: what is to be installed.
        base: the image that the document names as base; None where a release goes on a Python image.
        indexes: package indexes that the document names.
        source_distributions: whether the document allows them.
        repository: where the document wants the image to be pushed.
    """

    checked: Checked
    plan: InstallPlan
    base: str | None
    indexes: tuple[str, ...]
    source_distributions: bool
    repository: str | None

    @property
    def name(self) -> str:
        """What to call it."""
        return self.checked.document.name or "stack"

    @property
    def directories(self) -> tuple[str, ...]:
        """Directories of external providers and APIs that the config itself names."""
        config = self.checked.document.config
        config = config if isinstance(config, dict) else {}
        found = (config.get(key) for key in ("external_providers_dir", "external_apis_dir"))
        return tuple(name for name in found if isinstance(name, str) and name)


def plan_file(file: str, override: Release | None, errors: Console) -> Planned | None:
    """Plan the one stack of a file; its findings are printed.

    Args:
        file: the file, or `-`.
        override: the release that the user names.
        errors: where findings go.

    Returns:
        The plan; None where there are errors.

    Raises:
        CliError: the file cannot be read, or there is not exactly one stack in it.
    """
    checked = check_files([file], override).documents
    stacks = [one for one in checked if one.document.kind != "Other"]
    findings = [finding for one in checked for finding in one.findings]
    if len(stacks) != 1 and not any(map(is_error, findings)):
        many = f"{len(stacks)} stacks are" if stacks else "there is no stack"
        raise CliError(f"{file}: {many} in it; the command takes one")
    planned = _plan(stacks[0], override) if len(stacks) == 1 else None
    if planned:
        findings += planned.plan.findings
    for finding in Findings(_once(findings)).sorted():
        if finding.severity is not Severity.INFO or finding.reason.value == "UnsupportedVersion":
            print_finding(finding, errors)
    return None if planned is None or any(map(is_error, findings)) else planned


def base_reference(text: str) -> str:
    """Return an image reference that may be written into files and commands.

    Raises:
        CliError: it is none.
    """
    if not _REFERENCE.fullmatch(text):
        raise CliError(f"{text!r} is no image reference such as {PYTHON_BASE}")
    return text


def _once(findings: list[Finding]) -> Iterator[Finding]:
    """Leave out what both the check and the plan say."""
    seen = set()
    for finding in findings:
        key = (finding.reason, finding.path, finding.message)
        if key not in seen:
            seen.add(key)
            yield finding


def _plan(checked: Checked, override: Release | None) -> Planned:
    document = checked.document
    value = document.document.value if document.document else None
    spec = _mapping(_mapping(value).get("spec")) if document.kind == "LlamaStack" else {}
    pip = _mapping(_mapping(spec.get("build")).get("pip"))
    config, requirements, base = _mapping(document.config), _wanted(pip, "requirements"), document.image
    prefix = document.prefix
    if document.kind == "BuildConfig":
        build = _mapping(config.get("distribution_spec"))
        config = {"providers": build_entries(_mapping(build.get("providers")), Findings())}
        packages = document.config.get("additional_pip_packages")
        requirements = [Wanted(text, path) for text, path in _texts(packages, "additional_pip_packages")]
        image = build.get("container_image")
        base, prefix = image if isinstance(image, str) else None, "distribution_spec"
    release = _release(checked, override)
    plan = install_plan(
        config,
        catalog.find_release(release),
        image=document.image,
        release=release,
        environment=document.environment,
        requirements=requirements,
        constraints=_wanted(pip, "constraints"),
        external_packages=[*_of_fields(spec), *_of_directories(checked)],
        prefix=prefix,
    )
    repository = _mapping(spec.get("build")).get("repository")
    return Planned(
        checked,
        plan,
        base_reference(base) if base else None,
        tuple(_indexes(pip)),
        pip.get("allowSourceDistributions") is True,
        repository if isinstance(repository, str) else None,
    )


def _release(checked: Checked, override: Release | None) -> Release | None:
    """Return the release that is, or is to be, in the image; a guess from the config says nothing of an image."""
    document = checked.document
    if document.image is None:
        return checked.release
    return override or document.release or release_of_image(document.image, catalog.releases())


def _of_fields(spec: Mapping[str, Any]) -> Iterator[Wanted]:
    for key in ("externalProviders", "externalApis"):
        entries = spec.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            path = f"spec.{key}[{index}].packages"
            yield from (Wanted(*found) for found in _texts(_mapping(entry).get("packages"), path))


def _of_directories(checked: Checked) -> Iterator[Wanted]:
    """Yield the packages that the specs of external providers and APIs ask for themselves."""
    external = checked.document.external
    yield from file_packages({**external.providers, **external.apis})
    if checked.resolution is not None and checked.document.kind != "LlamaStack":
        yield from resolved_packages(checked.resolution)


def _indexes(pip: Mapping[str, Any]) -> Iterator[str]:
    first = [(pip["indexUrl"], "spec.build.pip.indexUrl")] if isinstance(pip.get("indexUrl"), str) else []
    extra = list(_texts(pip.get("extraIndexUrls"), "spec.build.pip.extraIndexUrls"))
    if extra and not first:
        yield ""  # pip's own default, beside which they are asked
    for url, path in [*first, *extra]:
        if not _URL.fullmatch(url):
            raise CliError(f"{path}: {url!r} is no address of a package index")
        yield url


def _wanted(pip: Mapping[str, Any], key: str) -> list[Wanted]:
    return [Wanted(text, path) for text, path in _texts(pip.get(key), f"spec.build.pip.{key}")]


def _texts(values: object, path: str) -> Iterator[tuple[str, str]]:
    for index, text in enumerate(values if isinstance(values, list) else ()):
        yield str(text), f"{path}[{index}]"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
