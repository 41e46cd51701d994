"""What installed provider modules bring, for the image build: `python -m llamastack_resolver modules`.

The run config is not known there, so nothing is compared with it; that is done at the pod's start.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import site
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings
from llamastack_resolver.installed.release import InstalledModules
from llamastack_resolver.introspection import Layout, find_layout
from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.requirements import MODULE_CURE, ModuleRequirement, RequirementError, parse_module


def describe_modules(
    requirements: Sequence[str], layout: Layout | None = None, asking: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Ask each module for its specs.

    Args:
        requirements: `module:` entries as written.
        layout: the installed release; default: found.
        asking: is called with each requirement before its module is imported, which may end the process.

    Returns:
        `{"release", "modules": [{"requirement", "distribution", "version", "importName", "providers": [{"api",
        "type", "pipPackages"}], "pipPackages"}], "findings": [...]}`; a module with errors is in the findings
        alone.

    Raises:
        NotInstalledError: no release of Llama Stack is installed.
    """
    layout = layout or find_layout()
    loader, findings, modules = InstalledModules(layout), Findings(), []
    for number, text in enumerate(dict.fromkeys(requirements)):
        path = f"modules[{number}]"
        try:
            requirement = parse_module(text)
        except RequirementError as error:
            findings.error(ModuleReason.REQUIREMENT_INVALID, str(error), path, hint=error.hint or MODULE_CURE)
            continue
        if asking is not None:
            asking(text)
        entry = ProviderEntry("", None, "", {}, text, path)
        specs = loader.load(entry, requirement, findings)
        if specs is None or not are_usable(specs, requirement, path, findings):
            continue
        name, version = distribution_of(requirement, loader.import_names[path])
        modules.append(
            {
                "requirement": text,
                "distribution": name,
                "version": version,
                "importName": loader.import_names[path],
                "providers": [
                    {"api": spec.api, "type": spec.provider_type, "pipPackages": list(spec.pip_packages)}
                    for spec in specs
                ],
                "pipPackages": list(dict.fromkeys(package for spec in specs for package in spec.pip_packages)),
            }
        )
    return {
        "release": str(layout.release),
        "modules": modules,
        "findings": [finding.to_dict() for finding in findings.sorted()],
    }


@contextmanager
def newly_installed() -> Iterator[None]:
    """Let this process import what is installed within, as one would that is started afterwards."""
    folder = Path(sysconfig.get_path("purelib"))
    before = set(folder.glob("*.pth"))
    yield
    importlib.invalidate_caches()
    for path in sorted(set(folder.glob("*.pth")) - before):
        site.addpackage(str(folder), path.name, None)


def are_usable(specs: list[ProviderSpec], requirement: ModuleRequirement, path: str, findings: Findings) -> bool:
    """Tell whether a module brings what a stack can have; a finding says why not.

    Args:
        specs: what it brings.
        requirement: the module.
        path: of the findings.
        findings: where they go.
    """
    if not specs:
        message = f"get_provider_spec() of {requirement.name} returns an empty list"
        findings.error(ModuleReason.SPEC_MISSING, message, path, hint="it brings no provider here")
    for spec in specs:
        if spec.container_image:
            message = f"the spec of {spec.provider_type} asks for the container image {spec.container_image}"
            hint = "a stack's dependencies cannot have a container image"
            findings.error(ModuleReason.SPEC_MISMATCH, message, path, hint=hint)
    return bool(specs) and not any(spec.container_image for spec in specs)


def distribution_of(requirement: ModuleRequirement, import_name: str) -> tuple[str, str | None]:
    """Return name and version of the distribution that brings the module, as its metadata has them."""
    for name in _candidates(requirement.name, import_name):
        try:
            found = importlib.metadata.distribution(name)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
        return str(found.metadata["Name"]), str(found.version)
    return requirement.name, None


def _candidates(name: str, import_name: str) -> Iterator[str]:
    """Yield the name that was asked for, then those that own the import name: these take a look at every file."""
    yield name
    yield from importlib.metadata.packages_distributions().get(import_name.split(".")[0]) or ()
