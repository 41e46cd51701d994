"""What external providers and APIs add to the run config, and what is wrong with their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llamastack_operator.api.conditions import Reason
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.api.status import Finding
from llamastack_operator.planning.stack.inputs.run_config import SIZE_LIMIT, read_text, text_size
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.run_config import yaml_text
from llamastack_resolver.documents.external_fields import conflicts, directories
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
    findings = [
        _finding(Reason.INVALID_RUN_CONFIG, f"{path}.{key}", message, f"{hint[0].upper()}{hint[1:]}.")
        for key, message, hint in conflicts(run_config, keys)
    ]
    return {**run_config, **keys}, findings


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
    return [finding for file, text in files.items() for finding in _file_findings(text, paths[file], names.get(file))]


def _file_findings(text: str, path: str, api: str | None) -> Iterator[Finding]:
    place = f"{path}.configMapKeyRef"
    value, problems = read_value(text)
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in errors:
        yield _finding(Reason.INVALID_EXTERNAL_SPEC, place, f"leads to no spec: {problem.message}", "Correct the YAML.")
    if errors:
        return
    if not isinstance(value, dict):
        hint = "Write it as for external_providers_dir and external_apis_dir."
        yield _finding(Reason.INVALID_EXTERNAL_SPEC, place, "leads to no spec: it must be a mapping", hint)
    elif api is not None and value.get("name") != api:
        message = f"is {api!r}, but the spec defines the API {value.get('name')!r}"
        yield _finding(Reason.INVALID_EXTERNAL_SPEC, f"{path}.name", message, "Give both the same name.")


def _finding(reason: Reason, path: str, problem: str, hint: str) -> Finding:
    return Finding(severity="error", reason=reason, message=f"{path} {problem}", path=path, hint=hint)
