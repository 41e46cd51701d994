"""Reads `external_providers_dir` (providers.d) and `external_apis_dir` (apis.d) as the releases do.

The provider files have two shapes: nested under `adapter:` up to 0.2.22, flat from 0.2.23 on. A file of the
wrong shape fails the start upstream, with a message about a missing key; here it is told which release it was
written for. A file that cannot be read here leaves its type open: whether it is right shows where it runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llamastack_resolver.config.api_names import meant_api, member_name
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.registry import ProviderRegistry, RegisteredSpec, shadowed_types
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.yaml_io import read_value

MAX_FILES = 500
_KINDS = ("remote", "inline")
_DEPENDENCIES = ("api_dependencies", "optional_api_dependencies")
_LISTS = (*_DEPENDENCIES, "pip_packages")
_TEXTS = ("module", "provider_data_validator", "deprecation_warning", "deprecation_error", "description")
# The release gives its spec class these itself, and all keys of the file beside them.
_OWN_ARGUMENTS = ("api", "provider_type")


def read_directory(directory: str) -> dict[str, str | None] | None:
    """Return the text of every YAML file below a directory by its relative path.

    Args:
        directory: its path; `~` is the home of this process.

    Returns:
        None for the text of a file that cannot be read; None for all where the directory is not there, or cannot
        be listed.
    """
    root = Path(directory).expanduser()
    try:
        if not root.is_dir():
            return None
        found = sorted(path for path in root.rglob("*.y*ml") if path.suffix in (".yaml", ".yml"))
    except OSError:
        return None
    return {path.relative_to(root).as_posix(): _text(path) for path in found[:MAX_FILES] if not _is_directory(path)}


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return None


def add_directory(
    registry: ProviderRegistry,
    files: Mapping[str, str | None],
    knowledge: ReleaseKnowledge,
    findings: Findings,
    at_server: bool = False,
) -> None:
    """Add the provider specs of a providers directory.

    Args:
        registry: the registry to add to.
        files: text by path relative to the directory, such as `remote/inference/custom.yaml`; None where a file
            cannot be read here.
        knowledge: the release that reads them.
        findings: where the findings go.
        at_server: the server cannot read what cannot be read here.
    """
    added: dict[str, set[str]] = {}
    specs: list[RegisteredSpec] = []
    for name, text in sorted(files.items()):
        place = _place(name, registry, knowledge, findings)
        if place is None:
            continue
        kind, api, stem = place
        if text is None:
            _unreadable(f"external_providers_dir/{name}", findings, at_server)
            if at_server:
                registry.failed_types.add((api, f"{kind}::{stem}"))
                continue
            spec = ProviderSpec.from_dict(api, f"{kind}::{stem}", {})
            specs.append(RegisteredSpec(spec, "directory", opaque=True))
            continue
        read = _provider_spec(place, text, f"external_providers_dir/{name}", registry, knowledge, findings)
        if read:
            specs.append(RegisteredSpec(read, "directory"))
            added.setdefault(api, set()).add(read.provider_type)
    for api, provider_type in shadowed_types(registry, added):
        findings.warning(
            ProviderReason.SHADOWED_PROVIDER,
            f"external_providers_dir replaces the built-in provider {provider_type}",
            f"external_providers_dir/{provider_type.replace('::', '/' + api + '/')}.yaml",
            api=api,
            hint="give the file another name, and with it the provider a type of its own",
        )
    for registered in specs:
        registry.types[registered.spec.api][registered.spec.provider_type] = registered


def _unreadable(path: str, findings: Findings, at_server: bool) -> None:
    if at_server:
        message, hint = "the file cannot be read: the server stops at it", "let the server's user read it, or remove it"
        findings.error(ModuleReason.SPEC_MISSING, message, path, hint=hint)
        return
    message, hint = "the file cannot be read here", "let this user read it, or check it where it runs"
    findings.warning(ProviderReason.RESOLVED_IN_IMAGE, message, path, hint=hint)


def _place(
    name: str, registry: ProviderRegistry, knowledge: ReleaseKnowledge, findings: Findings
) -> tuple[str, str, str] | None:
    """Return kind, API and name of a provider's file; None after saying why the release passes over it."""
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
    kind, folder, file_name = parts
    folders = {member_name(one): one for one in registry.types}
    api = folders.get(folder)
    if api is None:
        hint = did_you_mean(folder, folders) or "name the folder after an API that takes providers"
        findings.warning(
            ProviderReason.UNKNOWN_API, f"{knowledge.release} has no providers for `{folder}`", path, hint=hint
        )
        return None
    stem = PurePosixPath(file_name).stem
    if not file_name.endswith(".yaml"):
        registry.passed_over[api, f"{kind}::{stem}"] = path
        _not_yaml(path, stem, findings)
        return None
    return kind, api, stem


def _not_yaml(path: str, stem: str, findings: Findings) -> None:
    message = "the file is not read: the release reads files that end in .yaml"
    findings.warning(ModuleReason.SPEC_MISSING, message, path, hint=f"rename it to {stem}.yaml")


def _provider_spec(
    place: tuple[str, str, str],
    text: str,
    path: str,
    registry: ProviderRegistry,
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> ProviderSpec | None:
    kind, api, stem = place
    data = _mapping(text, path, findings)
    flat = None
    if data is not None:
        known = None if registry.apis_open else knowledge.apis
        reader = _SpecFile(path, known, knowledge, findings)
        flat = reader.read(kind, data)
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


class _SpecFile:
    """Judges the keys of one provider file as its release does.

    Attributes:
        failed: whether the release does not start with the file, used or not.
    """

    def __init__(
        self, path: str, known_apis: Iterable[str] | None, knowledge: ReleaseKnowledge, findings: Findings
    ) -> None:
        self._path = path
        self._known_apis = None if known_apis is None else frozenset(known_apis)
        self._knowledge = knowledge
        self._findings = findings
        self.failed = False

    def read(self, kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """Return the spec's keys, or None after saying why the release refuses the file."""
        if self._knowledge.behaviour.flat_external_specs:
            keys = self._flat(kind, data)
        elif kind == "remote":
            keys = self._nested(data)
        else:
            keys = {key: value for key, value in data.items() if key not in _OWN_ARGUMENTS}
            self._require(keys, "config_class", "module")
        if not self.failed:
            self._texts(keys)
            self._lists(keys)
        return None if self.failed else {key: value for key, value in keys.items() if value is not None}

    def _flat(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        nested = kind == "remote" and isinstance(data.get("adapter"), dict)
        if nested:
            if not data.get("adapter_type"):
                hint = "move the keys below `adapter:` one level up"
                self._error("the file has the shape of releases before 0.2.23", "", hint)
                return data
            message = "`adapter` is ignored" + ("" if data.get("module") else ": the type has no `module`")
            hint = "remove it, and write its keys one level up where they are missing"
            self._findings.warning(ModuleReason.SPEC_MISMATCH, message, f"{self._path}:adapter", hint=hint)
        for key in _OWN_ARGUMENTS:
            if key in data:
                message = f"{self._knowledge.release} does not start with `{key}` in the file: its place says it"
                self._error(message, key, f"remove `{key}`")
        self._require(data, *(("adapter_type",) if kind == "remote" else ()), "config_class")
        if not nested and not data.get("module"):
            message = "`module` is missing: the type cannot be used"
            hint = "add `module`, which the package's documentation has"
            self._findings.warning(ModuleReason.SPEC_MISSING, message, f"{self._path}:module", hint=hint)
        return data

    def _nested(self, data: dict[str, Any]) -> dict[str, Any]:
        adapter = data.get("adapter")
        if not isinstance(adapter, dict):
            hint = "put adapter_type, config_class, module and pip_packages below `adapter:`"
            self._error("the file has the shape of release 0.2.23 and newer", "", hint)
            return data
        keys = {key: value for key, value in adapter.items() if key not in _DEPENDENCIES}
        if "api_dependencies" in data:
            keys["api_dependencies"] = data["api_dependencies"]
        self._require(keys, "adapter_type", "config_class", "module")
        return keys

    def _require(self, data: Mapping[str, Any], *keys: str) -> None:
        for key in keys:
            if not isinstance(data.get(key), str) or not data[key]:
                self.failed = True
                _report_missing(key, self._path, self._findings)

    def _texts(self, data: Mapping[str, Any]) -> None:
        for key in _TEXTS:
            if data.get(key) is not None and not isinstance(data[key], str):
                self._error(f"`{key}` has to be text", key, "put it in quotes")

    def _lists(self, data: Mapping[str, Any]) -> None:
        for key in _LISTS:
            if key not in data:
                continue
            value = data[key]
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                empty = " and is empty" if value is None else ""
                hint = f"write {key}: []" if value is None else f"write {key}: [name]"
                self._error(f"`{key}` has to be a list of names{empty}", key, hint)
            elif key in _DEPENDENCIES and self._known_apis is not None:
                self._unknown_apis(value, f"{self._path}:{key}", self._known_apis)

    def _unknown_apis(self, names: list[str], path: str, known: frozenset[str]) -> None:
        for name in names:
            if name in known:
                continue
            self.failed = True
            hint = did_you_mean(name, known) or "remove it: the release cannot satisfy it"
            message = f"{self._knowledge.release} has no API `{name}`"
            self._findings.error(ProviderReason.UNKNOWN_API, message, path, api=name, hint=hint)

    def _error(self, message: str, key: str, hint: str) -> None:
        self.failed = True
        path = f"{self._path}:{key}" if key else self._path
        self._findings.error(ModuleReason.SPEC_MISMATCH, message, path, hint=hint)


def _report_missing(key: str, path: str, findings: Findings) -> None:
    findings.error(
        ModuleReason.SPEC_MISSING,
        f"`{key}` is required, and missing",
        f"{path}:{key}",
        hint=f"add `{key}`, which the package's documentation has",
    )


def external_apis(
    files: Mapping[str, str | None], own: Collection[str], findings: Findings, at_server: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the external API specs (`ExternalApiSpec`: module, name, pip_packages, protocol) by API name.

    A name that a release takes for one of its own APIs is that API.

    Args:
        files: text by path relative to the APIs directory; None where a file cannot be read here.
        own: the APIs of the release.
        findings: where the findings go.
        at_server: the server cannot read what cannot be read here.
    """
    apis: dict[str, dict[str, Any]] = {}
    for name, text in sorted(files.items()):
        if "/" in name:
            continue
        path = f"external_apis_dir/{name}"
        if not name.endswith(".yaml"):
            _not_yaml(path, PurePosixPath(name).stem, findings)
            continue
        if text is None:
            _unreadable(path, findings, at_server)
            continue
        data = _mapping(text, path, findings)
        if data is None:
            continue
        missing = [key for key in ("module", "name", "protocol") if not isinstance(data.get(key), str)]
        for key in missing:
            _report_missing(key, path, findings)
        packages = data.get("pip_packages", [])
        if not isinstance(packages, list) or not all(isinstance(item, str) for item in packages):
            message, hint = "`pip_packages` has to be a list of names", "write pip_packages: [name]"
            findings.error(ModuleReason.SPEC_MISMATCH, message, f"{path}:pip_packages", hint=hint)
            continue
        if not missing:
            apis[meant_api(data["name"], {*own, *apis}) or data["name"]] = data
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
