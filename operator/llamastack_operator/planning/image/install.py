"""What has to be installed for a stack: its spec and run config in, an install plan out. Pure but for the catalog.

It parses the run config and may read the catalog, so it runs in a thread and its result is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.catalog.reader import find_release
from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.planning.install.install_plan import InstallPlan, file_packages, install_plan
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_operator.planning.stack.inputs.modules import has_modules
from llamastack_operator.planning.stack.stack import Stack, release_of
from llamastack_operator.workloads.run_config import run_config_text
from llamastack_resolver.config.env import Environment
from llamastack_resolver.config.run_config import read_run_config
from llamastack_resolver.config.server_config import server_config
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.environment import read_environment
from llamastack_resolver.findings import Finding
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.yaml_io import read_value


def needs_install(stack: Stack, modules: bool) -> bool:
    """Tell whether anything has to be installed for a stack.

    Args:
        stack: the stack, with a spec.
        modules: whether its run config names a module.
    """
    spec = stack.spec
    if spec is None:
        return False
    pip = spec.build.pip if spec.build else None
    return spec.distribution.image is None or modules or bool(pip and pip.requirements) or bool(spec.external_packages)


def plan_install(spec: LlamaStackSpec, run_config: str, files: Mapping[str, str]) -> InstallPlan:
    """Return what has to be installed.

    Args:
        spec: the stack's spec.
        run_config: its run config as text.
        files: the files of external providers and APIs by their paths below the mount.
    """
    pip = spec.build.pip if spec.build else None
    release = release_of(spec)
    return install_plan(
        _parsed(run_config),
        _knowledge(spec),
        image=spec.distribution.image,
        release=release,
        environment=environment_of(spec),
        requirements=_wanted((pip and pip.requirements) or [], "spec.build.pip.requirements"),
        constraints=_wanted((pip and pip.constraints) or [], "spec.build.pip.constraints"),
        external_packages=[Wanted(text, "spec") for text in spec.external_packages] + list(file_packages(files)),
        prefix="spec.runConfig" if spec.run_config_from is None else "spec.runConfigFrom",
    )


def read_install(stack: Stack, spec: LlamaStackSpec, run_config: str, files: Mapping[str, str]) -> InstallPlan | None:
    """Return what has to be installed; None where nothing has.

    Args:
        stack: the stack.
        spec: its spec.
        run_config: its run config as text, inline or referenced.
        files: the files of external providers and APIs by their paths below the mount.
    """
    modules = stack.modules if spec.run_config_from is None else has_modules(read_value(run_config)[0])
    return plan_install(spec, run_config, files) if needs_install(stack, modules) else None


def plan_findings(plan: InstallPlan) -> tuple[Finding, ...]:
    """Return the findings of an install plan as conditions need them: with the place in the message."""
    return tuple(replace(finding, message=f"{finding.path}: {finding.message}") for finding in plan.findings)


def environment_of(spec: LlamaStackSpec) -> Environment:
    """Return what is known of the server's variables without looking at any other object: what is installed must not
    change with them."""
    server = spec.server.to_wire() if spec.server else {}
    return read_environment(server, "", ConfigMaps({}), None, spec.distribution.image is not None)


def needs_import_names(modules: Sequence[RecordedModule]) -> bool:
    """Tell whether upstream's server would look for a module under another name than the one it was installed with."""
    return any(module.requirement.split("==")[0].strip() != module.import_name for module in modules)


def with_import_names(run_config: str, modules: Sequence[RecordedModule]) -> str:
    """Return a run config whose modules have the names that the server imports.

    Args:
        run_config: the run config as text.
        modules: what was installed, as a LlamaStackBuild's status has it.
    """
    parsed = _parsed(run_config)
    if parsed is None:
        return run_config
    names = {module.requirement: module.import_name for module in modules}
    entries = read_run_config(parsed).entries()
    paths = {entry.path: names[entry.module] for entry in entries if entry.module in names}
    return run_config_text(server_config(parsed, paths))


def _parsed(text: str) -> Mapping[str, Any] | None:
    value, _ = read_value(text)
    return value if isinstance(value, dict) else None


def _knowledge(spec: LlamaStackSpec) -> ReleaseKnowledge | None:
    return find_release(release_of(spec)) if spec.distribution.image is None else None


def _wanted(texts: Sequence[str], path: str) -> list[Wanted]:
    return [Wanted(text, f"{path}[{index}]") for index, text in enumerate(texts)]
