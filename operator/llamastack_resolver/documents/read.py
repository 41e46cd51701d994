"""What users hand in: LlamaStack manifests, bare run configs, and upstream's build.yaml, many documents to a
stream. Every document becomes one Input.
"""

from __future__ import annotations

from collections.abc import Iterable

from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.manifest import read_manifest
from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_io import Document, read_yaml

_START = "a manifest starts with `apiVersion: llamastack.dev/v1alpha1`, a run config with `version: 2`"
_RUN_CONFIG_KEYS = ("providers", "apis", "storage", "image_name", "distro_name", "registered_resources")


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
        return read_manifest(file, document, value, config_maps)
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
