"""Kubernetes objects among what users hand in: one to a document, or many in a List as `kubectl get -o yaml` prints it.

Most of them are no business of the resolver. Those of its own API group have to be known; those of the other
operators of Llama Stack name the image that a run config in a ConfigMap is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from llamastack_resolver.findings import Findings
from llamastack_resolver.yaml_io import Document

API_GROUP = "llamastack.dev"
API_VERSION = f"{API_GROUP}/v1alpha1"
KINDS = ("LlamaStack", "LlamaStackBuild")
"""The kinds of the API group."""
FOREIGN_KINDS = ("LlamaStackDistribution", "OGXServer")
"""Kinds of other operators that run Llama Stack or OGX; their run configs are in ConfigMaps."""
_LIST = "List"


class KubernetesObject(NamedTuple):
    """One object.

    Attributes:
        file: the file that holds it.
        value: the object; it has a kind or an apiVersion.
        document: the YAML document, with paths that begin at the object.
    """

    file: str
    value: dict[str, Any]
    document: Document

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.value.get("kind") or "")

    @property
    def group(self) -> str:
        """The group of its apiVersion; empty for the core group."""
        group, slash, _ = str(self.value.get("apiVersion") or "").partition("/")
        return group if slash else ""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        """Its namespace; empty where it names none."""
        return str(self._metadata.get("namespace") or "")

    @property
    def spec(self) -> dict[str, Any]:
        """Its spec; empty where it has none."""
        spec = self.value.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def _metadata(self) -> dict[str, Any]:
        metadata = self.value.get("metadata")
        return metadata if isinstance(metadata, dict) else {}


def is_object(value: Any) -> bool:
    """Whether a document is a Kubernetes object, or means to be one."""
    return isinstance(value, dict) and ("apiVersion" in value or "kind" in value)


def objects_of(file: str, document: Document) -> Iterator[KubernetesObject]:
    """Yield the object of a document, or those of a List, of Lists in it too.

    Args:
        file: the file that holds the document.
        document: a document that is an object.
    """
    value: dict[str, Any] = document.value
    items = value.get("items")
    if not str(value.get("kind") or "").endswith(_LIST) or not isinstance(items, list):
        yield KubernetesObject(file, value, document)
        return
    for item, inner in zip(items, _item_documents(document, items), strict=True):
        if is_object(inner.value):
            yield from objects_of(file, inner)
        elif isinstance(item, dict):
            # The API server leaves out what the list says for all of its items.
            kind = {"apiVersion": value.get("apiVersion"), "kind": str(value["kind"]).removesuffix(_LIST)}
            yield KubernetesObject(file, {**kind, **item}, inner)
        else:
            yield KubernetesObject(file, {"kind": ""}, inner)


def _item_documents(document: Document, items: list[Any]) -> list[Document]:
    """Return a document for each item of a List, in one pass over the lines."""
    documents = [Document(item, findings=Findings()) for item in items]
    for path, line in document.lines.items():
        if (index := _index(path)) is not None and index < len(documents):
            documents[index].lines[_inner(path)] = line
    for path, line in document.blocks.items():
        if (index := _index(path)) is not None and index < len(documents):
            documents[index].blocks[_inner(path)] = line
    for finding in document.findings:
        if (index := _index(finding.path)) is not None and index < len(documents):
            documents[index].findings.add(replace(finding, path=_inner(finding.path)))
    return documents


def _index(path: str) -> int | None:
    number = path.removeprefix("items[").partition("]")[0] if path.startswith("items[") else ""
    return int(number) if number.isdecimal() and len(number) < 10 else None


def _inner(path: str) -> str:
    return path.partition("]")[2].removeprefix(".")
