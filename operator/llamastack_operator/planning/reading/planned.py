"""What a stack asks for: what is to be installed, and the run config that its server gets. Pure but for the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.catalog.reader import find_release
from llamastack_operator.planning.install.install_plan import InstallPlan, file_packages, install_plan
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_operator.planning.reading.answer import Planned
from llamastack_operator.planning.reading.question import ReadingQuestion
from llamastack_operator.planning.reading.server_config import completed_config, renamed_config, written_config
from llamastack_operator.planning.stack.inputs.modules import has_modules, needs_install
from llamastack_operator.planning.stack.inputs.run_config import config_path, inline_value, report_size
from llamastack_operator.planning.stack.stack import release_of
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.run_config import TooLargeError
from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.environment import read_environment
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.yaml_io import read_value


def planned_of(question: ReadingQuestion, findings: Findings) -> Planned | None:
    """Return what a stack asks for; None where there is no run config that asks for anything.

    Args:
        question: what is known of the stack.
        findings: where it is said that a completed run config is too large.
    """
    build = {"build": {"pip": question.pip}} if question.pip else {}
    spec = LlamaStackSpec.model_validate({**question.spec, **build})
    parsed = _run_config(question, spec)
    if parsed is None:
        return None
    run_config = parsed if isinstance(parsed, dict) else None
    install = None
    if needs_install(spec, has_modules(run_config)):
        install = plan_install(spec, run_config, _files(question, spec))
    if run_config is None:
        return Planned(install)
    written = written_config(spec, run_config, question.run_config is not None)
    try:
        completed = completed_config(written)
    except TooLargeError:
        report_size(config_path(spec), findings, completed=True)
        return None
    return Planned(install, completed, renamed_config(written))


def plan_install(spec: LlamaStackSpec, run_config: Mapping[str, Any] | None, files: Mapping[str, str]) -> InstallPlan:
    """Return what has to be installed.

    Args:
        spec: the stack's spec.
        run_config: its run config as YAML gives it; None where that is no mapping.
        files: the files of external providers and APIs by their paths below the mount.
    """
    pip = spec.build.pip if spec.build else None
    return install_plan(
        run_config,
        _knowledge(spec),
        image=spec.distribution.image,
        release=release_of(spec),
        environment=environment_of(spec),
        requirements=_wanted((pip and pip.requirements) or [], "spec.build.pip.requirements"),
        constraints=_wanted((pip and pip.constraints) or [], "spec.build.pip.constraints"),
        external_packages=[Wanted(text, "spec") for text in spec.external_packages] + list(file_packages(files)),
        prefix=config_path(spec),
    )


def environment_of(spec: LlamaStackSpec) -> Environment:
    """Return what is known of the server's variables without looking at any other object: what is installed must not
    change with them."""
    server = spec.server.to_wire() if spec.server else {}
    return read_environment(server, "", ConfigMaps({}), None, spec.distribution.image is not None)


def _run_config(question: ReadingQuestion, spec: LlamaStackSpec) -> Any:
    """Return the run config as YAML gives it; None where there is none."""
    if question.run_config is not None:
        return inline_value(question.run_config)
    if spec.run_config_from is None:
        return None
    ref = spec.run_config_from.config_map_key_ref
    text = question.config_maps.get(ref.name, {}).get(ref.key)
    return None if text is None else read_value(text)[0] or {}


def _files(question: ReadingQuestion, spec: LlamaStackSpec) -> dict[str, str]:
    """Return the external files that are there, by their paths below the mount."""
    wanted = external_files(spec)
    found = {path: question.config_maps.get(ref.name, {}).get(ref.key) for path, ref in wanted.items()}
    return {path: text for path, text in found.items() if text is not None}


def _knowledge(spec: LlamaStackSpec) -> ReleaseKnowledge | None:
    return find_release(release_of(spec)) if spec.distribution.image is None else None


def _wanted(texts: Sequence[str], path: str) -> list[Wanted]:
    return [Wanted(text, f"{path}[{index}]") for index, text in enumerate(texts)]
