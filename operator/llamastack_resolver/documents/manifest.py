"""Reads a LlamaStack manifest: which release or image it names, what is known of its variables, and its run config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.external_fields import read_external
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.secrets import report_inline_secrets
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import PACKAGES, Release, UnknownReleaseError
from llamastack_resolver.yaml_io import Document, read_value

API_GROUP = "llamastack.dev"


def read_manifest(file: str, document: Document, value: dict[str, Any], config_maps: ConfigMaps) -> Input:
    """Read one manifest; anything may be in it."""
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
    """Read `server.env`: values of Secrets are opaque, and an image may set variables of its own."""
    server = spec.get("server")
    server = server if isinstance(server, dict) else {}
    values: dict[str, str] = {}
    opaque: set[str] = set()
    entries = server.get("env")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        if entry.get("valueFrom"):
            opaque.add(entry["name"])
        else:
            values[entry["name"]] = str(entry.get("value") or "")
    elsewhere = bool(server.get("envFrom")) or result.image is not None or spec.get("className") is not None
    result.environment = Environment(values, frozenset(opaque), "unknown" if elsewhere else "unset")


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
