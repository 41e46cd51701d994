"""Reads a LlamaStack manifest: which release or image it names, what is known of its variables, and its run config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.documents.config_maps import ConfigMaps, ConfigMapText, read_config_text
from llamastack_resolver.documents.environment import Secrets, read_environment
from llamastack_resolver.documents.external_fields import read_external
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.kubernetes import KubernetesObject
from llamastack_resolver.documents.secrets import report_inline_secrets
from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import PACKAGES, Release, UnknownReleaseError


def read_manifest(manifest: KubernetesObject, config_maps: ConfigMaps, secrets: Secrets | None = None) -> Input:
    """Read a LlamaStack; anything may be in it.

    Args:
        manifest: the object.
        config_maps: those of the same files, or those that it refers to in its cluster.
        secrets: the Secrets that it refers to and that there are; None away from its cluster.
    """
    result = Input(manifest.file, "LlamaStack", manifest.name, prefix="spec.runConfig", document=manifest.document)
    result.findings.extend(manifest.document.findings)
    if not isinstance(manifest.value.get("spec"), dict):
        hint = "write spec: with a distribution and a run config"
        result.findings.error(ConfigReason.INVALID_MANIFEST, "`spec` is required, and missing", "spec", hint=hint)
        return result
    _read_distribution(manifest.spec, result)
    _read_environment(manifest, config_maps, secrets, result)
    _read_config(manifest.spec, manifest.namespace, config_maps, result)
    result.external = read_external(manifest.spec, manifest.namespace, config_maps, result.findings)
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


def _read_environment(
    manifest: KubernetesObject, config_maps: ConfigMaps, secrets: Secrets | None, result: Input
) -> None:
    """Read what the server's container gets; an image may set variables of its own."""
    server = manifest.spec.get("server")
    server = server if isinstance(server, dict) else {}
    elsewhere = result.image is not None or manifest.spec.get("className") is not None
    result.environment = read_environment(server, manifest.namespace, config_maps, secrets, elsewhere)


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
    path = "spec.runConfigFrom.configMapKeyRef"
    text = config_maps.text(namespace, reference, path, "its run config is not checked", result.findings)
    if text is not None:
        take_config(text, result)


def take_config(text: ConfigMapText, result: Input) -> None:
    """Read the run config of a document from a ConfigMap.

    Args:
        text: the text in the ConfigMap.
        result: the document; it gets the config, its place, and what is wrong with it.
    """
    result.prefix = text.path
    result.source = read_config_text(text, result.findings)
    if result.source is None:
        return
    result.config = result.source.document.value
    secrets = Findings()
    report_inline_secrets(result.config, secrets, result.prefix)
    result.findings.extend(map(result.source.placed, secrets))
