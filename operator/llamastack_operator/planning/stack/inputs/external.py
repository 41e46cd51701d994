"""What external providers and APIs add to the run config, and what is wrong with their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.planning.stack.inputs.run_config import SIZE_LIMIT, read_text, text_size
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.run_config import yaml_text
from llamastack_resolver.documents.external_fields import conflicts, directories
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_io import read_value


def with_directories(
    run_config: Mapping[str, Any], spec: LlamaStackSpec, path: str
) -> tuple[dict[str, Any], list[Finding]]:
    """Return a run config with the folders of the external files, and what speaks against it.

    Args:
        run_config: the run config as it was written.
        spec: the spec that it belongs to.
        path: where the run config stands.
    """
    keys = directories(bool(spec.external_providers), bool(spec.external_apis))
    findings = Findings()
    for key, message, hint in conflicts(run_config, keys):
        place, cure = f"{path}.{key}", f"{hint[0].upper()}{hint[1:]}."
        findings.error(ConfigReason.INVALID_RUN_CONFIG, f"{place} {message}", place, hint=cure)
    return {**run_config, **keys}, list(findings)


def referenced_run_config(text: str, spec: LlamaStackSpec, path: str) -> tuple[str, list[Finding]]:
    """Return the run config of a ConfigMap as the server gets it, and what is wrong with it.

    It stays as it was written where nothing is to be added.
    """
    value, findings = read_text(text, path)
    if not isinstance(value, dict) or not (spec.external_providers or spec.external_apis):
        return text, findings
    config, problems = with_directories(value, spec, path)
    return yaml_text(config), findings + problems


def external_paths(spec: LlamaStackSpec) -> dict[str, str]:
    """Return the referring field by the path of the file below the mount."""
    providers = [f"spec.externalProviders[{index}]" for index in range(len(spec.external_providers or []))]
    apis = [f"spec.externalApis[{index}]" for index in range(len(spec.external_apis or []))]
    return dict(zip(external_files(spec), [*providers, *apis], strict=True))


def file_findings(spec: LlamaStackSpec, files: Mapping[str, str]) -> list[Finding]:
    """Return what is wrong with the files, as far as it can be said without knowing the release.

    Args:
        spec: the spec that refers to them.
        files: their texts by path below the mount.
    """
    if sum(map(text_size, files.values())) > SIZE_LIMIT:
        return []  # Planning says so, with the run config counted in.
    names = {f"apis.d/{api.name}.yaml": api.name for api in spec.external_apis or []}
    paths = external_paths(spec)
    findings = Findings()
    for file, text in files.items():
        _check_file(text, paths[file], names.get(file), findings)
    return list(findings)


def _check_file(text: str, path: str, api: str | None, findings: Findings) -> None:
    place = f"{path}.configMapKeyRef"
    value, problems = read_value(text)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    for problem in errors:
        message = f"{place} leads to no spec: {problem.message}"
        findings.error(StackReason.INVALID_EXTERNAL_SPEC, message, place, hint="Correct the YAML.")
    if errors:
        return
    if not isinstance(value, dict):
        message = f"{place} leads to no spec: it must be a mapping"
        hint = "Write it as for external_providers_dir and external_apis_dir."
        findings.error(StackReason.INVALID_EXTERNAL_SPEC, message, place, hint=hint)
    elif api is not None and value.get("name") != api:
        message = f"{path}.name is {api!r}, but the spec defines the API {value.get('name')!r}"
        findings.error(StackReason.INVALID_EXTERNAL_SPEC, message, f"{path}.name", hint="Give both the same name.")
