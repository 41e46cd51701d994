"""What users hand in: LlamaStack manifests, bare run configs, and upstream's build.yaml, many documents to a
stream.

Every document becomes one Input, with the run config in it, the place where it stands (so that findings name
the path in the user's own file) and what is known about release and environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.external_fields import ExternalFields, read_external
from llamastack_resolver.documents.secrets import report_inline_secrets
from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import PACKAGES, Release, UnknownReleaseError
from llamastack_resolver.yaml_io import Document, read_value, read_yaml

API_GROUP = "llamastack.dev"
Kind = Literal["LlamaStack", "RunConfig", "BuildConfig", "Other"]
_START = "a manifest starts with `apiVersion: llamastack.dev/v1alpha1`, a run config with `version: 2`"
_RUN_CONFIG_KEYS = ("providers", "apis", "storage", "image_name", "distro_name", "registered_resources")


@dataclass
class Input:
    """One document.

    Attributes:
        file: where it was read from, as the user named it.
        kind: LlamaStack, RunConfig, BuildConfig, or Other for a document that is none of the resolver's
            business.
        name: the object's name, or the config's image name.
        config: the run config or build config; None where there is none to check.
        prefix: path of the config in the document, such as `spec.runConfig`; empty for a bare config.
        release: the release that the document names.
        image: the image that the document names.
        environment: what is known about the server's variables.
        external: the external providers and APIs that a manifest names.
        findings: what is wrong with the document itself.
        document: the YAML document, for line numbers.
    """

    file: str
    kind: Kind
    name: str = ""
    config: Any = None
    prefix: str = ""
    release: Release | None = None
    image: str | None = None
    environment: Environment = field(default_factory=lambda: Environment(others="unknown"))
    external: ExternalFields = field(default_factory=ExternalFields)
    findings: Findings = field(default_factory=Findings)
    document: Document | None = None


def read_inputs(files: Iterable[tuple[str, str | bytes]]) -> list[Input]:
    """Read every document of every file.

    Args:
        files: name and content of each; ConfigMaps in any of them are used for references from the others.
    """
    inputs: list[Input] = []
    documents: list[tuple[str, Document]] = []
    for name, text in files:
        found, problems = read_yaml(text)
        documents += [(name, document) for document in found if document.value is not None]
        if problems:
            inputs.append(Input(name, "Other", findings=problems))
        elif not found or all(document.value is None for document in found):
            empty = Findings()
            empty.warning(ConfigReason.INVALID_MANIFEST, "the file is empty", DOCUMENT, hint="fill it, or leave it out")
            inputs.append(Input(name, "Other", findings=empty))
    config_maps = ConfigMaps.among(document.value for _, document in documents)
    return inputs + [_read(name, document, config_maps) for name, document in documents]


def _read(file: str, document: Document, config_maps: ConfigMaps) -> Input:
    value = document.value
    if not isinstance(value, dict):
        result = Input(file, "Other", document=document)
        message = "expected a LlamaStack manifest, a run config or a build config"
        line = document.line_of(DOCUMENT)
        result.findings.error(ConfigReason.INVALID_MANIFEST, message, DOCUMENT, hint=_START, line=line)
        return result
    if "apiVersion" in value or "kind" in value:
        return _manifest(file, document, value, config_maps)
    if "distribution_spec" in value:
        return Input(file, "BuildConfig", str(value.get("image_name") or ""), value, document=document)
    name = str(value.get("image_name") or value.get("distro_name") or "")
    result = Input(file, "RunConfig", name, value, document=document)
    if not any(key in value for key in _RUN_CONFIG_KEYS):
        message = "this is neither a LlamaStack manifest nor a run config"
        result.kind, result.config = "Other", None
        result.findings.error(
            ConfigReason.INVALID_MANIFEST, message, DOCUMENT, hint="a run config has `version`, `apis` and `providers`"
        )
    return result


def _manifest(file: str, document: Document, value: dict[str, Any], config_maps: ConfigMaps) -> Input:
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = str(metadata.get("name") or "")
    group = str(value.get("apiVersion") or "").partition("/")[0]
    if value.get("kind") != "LlamaStack" or group != API_GROUP:
        other = Input(file, "Other", name, document=document)
        if value.get("kind") == "LlamaStack":
            message = f"apiVersion {value.get('apiVersion')!r} is not ours"
            other.findings.error(ConfigReason.INVALID_MANIFEST, message, "apiVersion", hint="llamastack.dev/v1alpha1")
        return other
    result = Input(file, "LlamaStack", name, prefix="spec.runConfig", document=document)
    spec = value.get("spec")
    if not isinstance(spec, dict):
        hint = "write spec: with a distribution and a run config"
        result.findings.error(ConfigReason.INVALID_MANIFEST, "`spec` is required, and missing", "spec", hint=hint)
        return result
    _read_distribution(spec, result)
    _read_environment(spec, result)
    namespace = str(metadata.get("namespace") or "")
    _read_config(spec, namespace, config_maps, result)
    result.external = read_external(spec, namespace, config_maps, result.findings)
    return result


def _read_distribution(spec: Mapping[str, Any], result: Input) -> None:
    distribution = spec.get("distribution")
    if not isinstance(distribution, dict) or not ("release" in distribution or "image" in distribution):
        if spec.get("className") is None:
            message = "`spec.distribution` needs a release or an image"
            hint = "release: {package: llama-stack, version: 0.7.3}"
            result.findings.error(ConfigReason.INVALID_MANIFEST, message, "spec.distribution", hint=hint)
        return
    image = distribution.get("image")
    result.image = image if isinstance(image, str) else None
    release = distribution.get("release")
    if release is None:
        return
    path = "spec.distribution.release"
    if not isinstance(release, dict) or "version" not in release:
        hint = "release: {package: llama-stack, version: 0.7.3}"
        result.findings.error(ConfigReason.INVALID_MANIFEST, "expected a package and a version", path, hint=hint)
        return
    version = release["version"]
    if not isinstance(version, str):
        message = f"expected text, found the number {version}"
        hint = f'quote it: version: "{version}"'
        result.findings.error(ConfigReason.INVALID_MANIFEST, message, f"{path}.version", hint=hint)
        return
    try:
        result.release = Release(str(release.get("package", PACKAGES[0])), version)
    except UnknownReleaseError as error:
        hint = "name a release of `llamastack catalog`"
        result.findings.error(ConfigReason.UNSUPPORTED_VERSION, str(error), path, hint=hint)


def _read_environment(spec: Mapping[str, Any], result: Input) -> None:
    """Read `server.env`: values of Secrets are opaque, those of optional keys may be missing, and an image may set
    variables of its own."""
    server = spec.get("server")
    server = server if isinstance(server, dict) else {}
    values: dict[str, str] = {}
    opaque: set[str] = set()
    unknown: set[str] = set()
    entries = server.get("env")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        if entry.get("valueFrom"):
            (unknown if _is_optional(entry["valueFrom"]) else opaque).add(entry["name"])
        else:
            values[entry["name"]] = str(entry.get("value") or "")
    elsewhere = bool(server.get("envFrom")) or result.image is not None or spec.get("className") is not None
    others: Literal["unset", "unknown"] = "unknown" if elsewhere else "unset"
    result.environment = Environment(values, frozenset(opaque), others, frozenset(unknown))


def _is_optional(source: Any) -> bool:
    """Whether a variable is left unset where its Secret or ConfigMap, or the key in it, is missing."""
    selectors = source.values() if isinstance(source, dict) else ()
    return any(isinstance(selector, dict) and selector.get("optional") is True for selector in selectors)


def _read_config(spec: Mapping[str, Any], namespace: str, config_maps: ConfigMaps, result: Input) -> None:
    if "runConfig" in spec:
        result.config = spec["runConfig"]
        report_inline_secrets(result.config, result.findings, result.prefix)
        return
    reference = spec.get("runConfigFrom")
    reference = reference.get("configMapKeyRef") if isinstance(reference, dict) else None
    if not isinstance(reference, dict):
        if result.image is None:
            message = "`spec.runConfig` is required where no image brings a config"
            hint = "write the run config there, or refer to a ConfigMap in `spec.runConfigFrom`"
            result.findings.error(ConfigReason.INVALID_MANIFEST, message, "spec.runConfig", hint=hint)
        return
    result.prefix = "spec.runConfigFrom.configMapKeyRef"
    text = config_maps.text(namespace, reference, result.prefix, "its run config is not checked", result.findings)
    if text is None:
        return
    result.config, problems = read_value(text)
    for problem in problems:
        result.findings.error(
            ConfigReason.INVALID_RUN_CONFIG, problem.message, result.prefix, hint=problem.hint or "correct the YAML"
        )
    report_inline_secrets(result.config, result.findings, result.prefix)
