"""Reads `external_providers_dir` (providers.d) and `external_apis_dir` (apis.d) as the releases do.

The provider files have two shapes: nested under `adapter:` up to 0.2.22, flat from 0.2.23 on. A file of the
wrong shape fails the start upstream, with a message about a missing key; here it is told which release it was
written for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.registry import ProviderRegistry, RegisteredSpec, shadowed_types
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.yaml_io import read_value

MAX_FILES = 500
_KINDS = ("remote", "inline")


def read_directory(directory: str) -> dict[str, str] | None:
    """Return the text of every YAML file below a directory by its relative path, None where there is no
    directory."""
    root = Path(directory).expanduser()
    if not root.is_dir():
        return None
    files = {}
    for path in sorted(root.rglob("*.yaml"))[:MAX_FILES]:
        if path.is_file():
            files[path.relative_to(root).as_posix()] = path.read_bytes().decode("utf-8", errors="replace")
    return files


def add_directory(
    registry: ProviderRegistry, files: Mapping[str, str], knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    """Add the provider specs of a providers directory.

    Args:
        registry: the registry to add to.
        files: text by path relative to the directory, such as `remote/inference/custom.yaml`.
        knowledge: the release that reads them.
        findings: where the findings go.
    """
    added: dict[str, set[str]] = {}
    specs: list[ProviderSpec] = []
    for name, text in sorted(files.items()):
        spec = _provider_spec(name, text, registry, knowledge, findings)
        if spec:
            specs.append(spec)
            added.setdefault(spec.api, set()).add(spec.provider_type)
    for api, provider_type in shadowed_types(registry, added):
        findings.warning(
            ProviderReason.SHADOWED_PROVIDER,
            f"external_providers_dir replaces the built-in provider {provider_type}",
            f"external_providers_dir/{provider_type.replace('::', '/' + api + '/')}.yaml",
            api=api,
            hint="give the file another name, and with it the provider a type of its own",
        )
    for spec in specs:
        registry.types[spec.api][spec.provider_type] = RegisteredSpec(spec, "directory")


def _provider_spec(
    name: str, text: str, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> ProviderSpec | None:
    parts = PurePosixPath(name).parts
    path = f"external_providers_dir/{name}"
    if len(parts) != 3 or parts[0] not in _KINDS:
        findings.warning(
            ModuleReason.SPEC_MISSING,
            "the file is not read",
            path,
            hint="files belong in {remote,inline}/<api>/<name>.yaml",
        )
        return None
    kind, api, file_name = parts
    if api not in registry.types:
        hint = did_you_mean(api, registry.types) or "name the folder after an API that takes providers"
        findings.warning(
            ProviderReason.UNKNOWN_API, f"{knowledge.release} has no providers for `{api}`", path, hint=hint
        )
        return None
    stem = PurePosixPath(file_name).stem
    data = _mapping(text, path, findings)
    flat = _flatten(kind, data, path, knowledge, findings) if data is not None else None
    if flat is None:
        registry.failed_types.add((api, f"{kind}::{stem}"))
        return None
    adapter_type = flat.get("adapter_type")
    if kind == "remote" and adapter_type not in (None, stem):
        findings.warning(
            ModuleReason.SPEC_MISMATCH,
            f"adapter_type is {adapter_type!r}, but the file's name makes the type remote::{stem}",
            path,
            api=api,
            hint=f"rename the file to {adapter_type}.yaml",
        )
    return ProviderSpec.from_dict(api, f"{kind}::{stem}", {**flat, "kind": kind})


def _flatten(
    kind: str, data: dict[str, Any], path: str, knowledge: ReleaseKnowledge, findings: Findings
) -> dict[str, Any] | None:
    flat_shape = knowledge.behaviour.flat_external_specs
    nested = isinstance(data.get("adapter"), dict)
    if kind == "remote" and flat_shape and nested:
        hint = "move the keys below `adapter:` one level up"
        findings.error(ModuleReason.SPEC_MISMATCH, "the file has the shape of releases before 0.2.23", path, hint=hint)
        return None
    if kind == "remote" and not flat_shape and not nested:
        hint = "put adapter_type, config_class, module and pip_packages below `adapter:`"
        findings.error(
            ModuleReason.SPEC_MISMATCH, "the file has the shape of release 0.2.23 and newer", path, hint=hint
        )
        return None
    flat = {**data, **data["adapter"]} if kind == "remote" and nested else dict(data)
    required = ("adapter_type", "config_class", "module") if kind == "remote" else ("config_class", "module")
    missing = [key for key in required if not isinstance(flat.get(key), str) or not flat[key]]
    for key in missing:
        _report_missing(key, path, findings)
    for key in ("api_dependencies", "optional_api_dependencies", "pip_packages"):
        value = flat.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            message, hint = f"`{key}` has to be a list of names", f"write {key}: [name]"
            findings.error(ModuleReason.SPEC_MISMATCH, message, f"{path}:{key}", hint=hint)
            missing.append(key)
        elif key != "pip_packages":
            missing += _unknown_apis(value, f"{path}:{key}", knowledge, findings)
    return None if missing else flat


def _report_missing(key: str, path: str, findings: Findings) -> None:
    findings.error(
        ModuleReason.SPEC_MISSING,
        f"`{key}` is required, and missing",
        f"{path}:{key}",
        hint=f"add `{key}`, which the package's documentation has",
    )


def _unknown_apis(names: list[str], path: str, knowledge: ReleaseKnowledge, findings: Findings) -> list[str]:
    unknown = [name for name in names if name not in knowledge.apis]
    for name in unknown:
        hint = did_you_mean(name, knowledge.apis) or "remove it: the release cannot satisfy it"
        findings.error(
            ProviderReason.UNKNOWN_API, f"{knowledge.release} has no API `{name}`", path, api=name, hint=hint
        )
    return unknown


def external_apis(files: Mapping[str, str], findings: Findings) -> dict[str, dict[str, Any]]:
    """Return the external API specs (`ExternalApiSpec`: module, name, pip_packages, protocol) by API name.

    Args:
        files: text by path relative to the APIs directory.
        findings: where the findings go.
    """
    apis = {}
    for name, text in sorted(files.items()):
        if "/" in name:
            continue
        path = f"external_apis_dir/{name}"
        data = _mapping(text, path, findings)
        if data is None:
            continue
        missing = [key for key in ("module", "name", "protocol") if not isinstance(data.get(key), str)]
        for key in missing:
            _report_missing(key, path, findings)
        if not missing:
            apis[data["name"]] = data
    return apis


def _mapping(text: str, path: str, findings: Findings) -> dict[str, Any] | None:
    value, problems = read_value(text)
    for problem in problems:
        hint = problem.hint or "correct the YAML"
        findings.error(ModuleReason.SPEC_MISSING, problem.message, path, hint=hint, line=problem.line)
    if problems.has_errors:
        return None
    if not isinstance(value, dict):
        findings.error(
            ModuleReason.SPEC_MISSING, "expected a mapping", path, hint="write the spec's keys, such as module"
        )
        return None
    return value
