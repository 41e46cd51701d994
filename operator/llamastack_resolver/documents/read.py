"""What users hand in: LlamaStack manifests, bare run configs, and upstream's build.yaml, many documents to a
stream. Every document becomes one Input; so does every run config in a ConfigMap that no LlamaStack refers to, since
the other operators of Llama Stack have theirs there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llamastack_resolver.documents.config_maps import ConfigMaps, ConfigMapText, texts_of
from llamastack_resolver.documents.foreign import ForeignObjects, environment_of, image_of, read_foreign
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.kubernetes import (
    API_GROUP,
    API_VERSION,
    FOREIGN_KINDS,
    KINDS,
    KubernetesObject,
    is_object,
    objects_of,
)
from llamastack_resolver.documents.manifest import read_manifest, take_config
from llamastack_resolver.documents.shape import (
    is_build_config,
    is_run_config,
    may_be_run_config,
    text_is_ours,
    text_may_be_run_config,
)
from llamastack_resolver.findings import DOCUMENT, Finding, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.yaml_io import Document, read_yaml, report_second
from llamastack_resolver.yaml_problems import OF_TEMPLATES

_START = f"a manifest starts with `apiVersion: {API_VERSION}`, a run config with `version: 2`"


def read_inputs(files: Iterable[tuple[str, str | bytes]]) -> list[Input]:
    """Read every document of every file.

    Args:
        files: name and content of each; ConfigMaps in any of them are used for references from the others.
    """
    found: list[Input | KubernetesObject] = []
    for name, text in files:
        found += _parts(name, text)
    objects = [part for part in found if isinstance(part, KubernetesObject)]
    config_maps, foreign = ConfigMaps.among(objects), ForeignObjects.among(objects)
    stacks = {id(one): read_manifest(one, config_maps) for one in objects if _is_stack(one)}
    inputs: list[Input] = []
    for part in found:
        if isinstance(part, Input):
            inputs.append(part)
        elif id(part) in stacks:
            inputs.append(stacks[id(part)])
        elif part.kind == "ConfigMap":
            inputs += _config_map(part, config_maps, foreign)
        else:
            inputs.append(_other(part, config_maps))
    return inputs


def _parts(name: str, text: str | bytes) -> Iterator[Input | KubernetesObject]:
    """Yield what is in one file: its objects and its other documents."""
    documents, problems = read_yaml(text)
    of_documents = {finding for document in documents for finding in document.findings}
    of_stream = [finding for finding in problems if finding not in of_documents]
    if of_stream:
        yield _broken(name, text, of_stream)
    elif all(document.value is None for document in documents):
        yield _empty(name)
    alone, is_config = True, any(map(_is_config, documents))
    for index, document in enumerate(documents):
        if is_object(document.value):
            yield from objects_of(name, document)
        elif document.value is not None:
            if is_config and not _is_config(document):
                continue  # told as one of several documents
            result = _bare(name, document)
            if len(documents) > 1 and result.config is not None and alone:
                alone = False
                # A server, and upstream's build, refuse a file with several.
                report_second(documents[index or 1], result.findings)
            yield result


def _broken(file: str, text: str | bytes, problems: list[Finding]) -> Input:
    result = Input(file, "Other", findings=Findings(problems))
    template = any(finding.hint == OF_TEMPLATES for finding in problems)
    result.recognised = text_is_ours(text) and not template
    return result


def _empty(file: str) -> Input:
    result = Input(file, "Other", recognised=False)
    hint = "fill it, or leave it out"
    result.findings.warning(ConfigReason.INVALID_MANIFEST, "the file is empty", DOCUMENT, hint=hint)
    return result


def _bare(file: str, document: Document) -> Input:
    """Read a document that is no Kubernetes object."""
    value = document.value
    if isinstance(value, dict) and is_build_config(value):
        result = Input(file, "BuildConfig", str(value.get("image_name") or ""), value, document=document)
    elif isinstance(value, dict) and may_be_run_config(value):
        name = str(value.get("image_name") or value.get("distro_name") or "")
        result = Input(file, "RunConfig", name, value, document=document, recognised=is_run_config(value))
    else:
        return _unknown(file, document)
    result.findings.extend(document.findings)
    return result


def _is_config(document: Document) -> bool:
    """Whether a document is a run config or a build config of its own, and no object."""
    value = document.value
    return isinstance(value, dict) and not is_object(value) and (is_build_config(value) or may_be_run_config(value))


def _unknown(file: str, document: Document) -> Input:
    result = Input(file, "Other", document=document, recognised=False)
    message = "this is neither a LlamaStack manifest nor a run config nor a build config"
    line = document.line_of(DOCUMENT)
    result.findings.error(ConfigReason.INVALID_MANIFEST, message, DOCUMENT, hint=_START, line=line)
    return result


def _is_stack(one: KubernetesObject) -> bool:
    return one.kind == "LlamaStack" and one.value.get("apiVersion") == API_VERSION


def _config_map(config_map: KubernetesObject, config_maps: ConfigMaps, foreign: ForeignObjects) -> Iterator[Input]:
    """Yield the run configs of a ConfigMap that no stack refers to; where there are none, the ConfigMap as it is."""
    owner = foreign.of(config_map)
    others = [text for text in texts_of(config_map) if not config_maps.is_used(config_map, text.key)]
    found = [result for text in others if (result := _unused_config(text, config_map)) is not None]
    for result in found:
        if owner is not None:
            result.image, result.environment = image_of(owner), environment_of(owner)
        yield result
    if found:
        return
    rest = Input(config_map.file, "Other", config_map.name, document=config_map.document, object_kind="ConfigMap")
    rest.consulted = config_maps.is_used(config_map)
    rest.passed_over = not rest.consulted
    if rest.consulted:
        rest.findings.extend(config_map.document.findings)
    yield rest


def _unused_config(text: ConfigMapText, config_map: KubernetesObject) -> Input | None:
    if not text_may_be_run_config(text.text):
        return None
    result = Input(config_map.file, "ConfigMap", config_map.name, document=config_map.document)
    result.findings.extend(config_map.document.findings)
    take_config(text, result)
    broken = result.findings.has_errors and text_is_ours(text.text)
    return result if broken or is_run_config(result.config) else None


def _other(one: KubernetesObject, config_maps: ConfigMaps) -> Input:
    if one.kind in FOREIGN_KINDS:
        return read_foreign(one, config_maps)
    if one.group == API_GROUP or one.kind == "LlamaStack":
        return _of_our_group(one)
    if not one.kind:
        return _unknown(one.file, one.document)
    return _passed_over(one)


def _of_our_group(one: KubernetesObject) -> Input:
    """Read an object that says that it is ours, and is no LlamaStack that can be read."""
    version = one.value.get("apiVersion")
    if one.kind in KINDS and version == API_VERSION:
        return _passed_over(one)
    result = Input(one.file, "Other", one.name, document=one.document, object_kind=one.kind)
    if one.kind in KINDS:
        message = f"apiVersion {version!r} is not ours" if version else "`apiVersion` is required, and missing"
        result.findings.error(ConfigReason.INVALID_MANIFEST, message, "apiVersion", hint=f"write {API_VERSION}")
        return result
    message = f"{API_GROUP} has no kind {one.kind!r}" if one.kind else "`kind` is required, and missing"
    hint = did_you_mean(one.kind, KINDS) or f"write one of its kinds: {', '.join(KINDS)}"
    result.findings.error(ConfigReason.INVALID_MANIFEST, message, "kind", hint=hint)
    return result


def _passed_over(one: KubernetesObject) -> Input:
    return Input(one.file, "Other", one.name, document=one.document, object_kind=one.kind, passed_over=True)
