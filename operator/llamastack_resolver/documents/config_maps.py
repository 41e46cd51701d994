"""ConfigMaps that were handed in together with what refers to them, and the places of the texts in them.

A finding about such a text belongs to the line of the file that holds the ConfigMap: there it is corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from llamastack_resolver.documents.kubernetes import KubernetesObject
from llamastack_resolver.findings import DOCUMENT, Finding, Findings, with_prefix
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.yaml_io import Document, read_document


class ConfigMapText(NamedTuple):
    """The text of one key of a ConfigMap.

    Attributes:
        file: the file that holds the ConfigMap.
        object: the ConfigMap, as `ConfigMap/name`.
        key: its key.
        text: the text.
        key_line: line of the key.
        first_line: line of the text's first line, None where the lines of the text are not those of the file.
    """

    file: str
    object: str
    key: str
    text: str
    key_line: int | None
    first_line: int | None

    @property
    def path(self) -> str:
        """The field path of the text in its ConfigMap."""
        return f'data["{self.key}"]'

    def line_of(self, line: int | None) -> int | None:
        """Return the file's line of a line of the text, both counted from 1; the key's line where that is not known."""
        return self.key_line if self.first_line is None or line is None else self.first_line + line - 1

    def placed(self, finding: Finding, line: int | None) -> Finding:
        """Return a finding, whose path is one of the text's own document, with its place in the ConfigMap.

        Args:
            finding: the finding.
            line: the line of the text that it is about.
        """
        (moved,) = with_prefix([finding], self.path)
        return replace(moved, file=self.file, object=self.object, line=self.line_of(line))


class ConfigMapConfig(NamedTuple):
    """A run config in a ConfigMap.

    Attributes:
        text: where it stands.
        document: the YAML document of that text.
    """

    text: ConfigMapText
    document: Document

    def placed(self, finding: Finding) -> Finding:
        """Return a finding about the run config, whose path starts with that of the text, with its place."""
        inner = finding.path.removeprefix(self.text.path).removeprefix(".") or DOCUMENT
        line = finding.line or self.document.line_of(inner)
        return self.text.placed(replace(finding, path=inner), line)


def read_config_text(text: ConfigMapText, findings: Findings) -> ConfigMapConfig | None:
    """Return the run config in a text, None where there is none, and add what is wrong with it as YAML."""
    document, problems = read_document(text.text)
    findings.extend(text.placed(problem, problem.line) for problem in problems)
    if (document is None or document.value is None) and not problems:
        own = Findings()
        own.error(ConfigReason.INVALID_RUN_CONFIG, "the text is empty", DOCUMENT, hint="start with `version: 2`")
        findings.extend(text.placed(problem, None) for problem in own)
    return ConfigMapConfig(text, document) if document and document.value is not None else None


@dataclass
class ConfigMaps:
    """ConfigMaps of the same files.

    Attributes:
        objects: the ConfigMaps by namespace and name.
        used: namespace and name of those that something referred to, with the keys.
    """

    objects: Mapping[tuple[str, str], KubernetesObject]
    used: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @classmethod
    def among(cls, objects: Iterable[KubernetesObject]) -> ConfigMaps:
        """Return those among the objects; of two with one name the later one counts."""
        found = (one for one in objects if one.kind == "ConfigMap")
        return cls({(one.namespace, one.name): one for one in found})

    def text(
        self, namespace: str, reference: Mapping[str, Any], path: str, otherwise: str, findings: Findings
    ) -> ConfigMapText | None:
        """Return the text that a `configMapKeyRef` leads to, or None after adding a finding.

        Args:
            namespace: the namespace of what refers to it.
            reference: its `name` and `key`.
            path: where the reference stands.
            otherwise: what it means that the ConfigMap is not at hand.
            findings: where the findings go.
        """
        name, key = str(reference.get("name")), str(reference.get("key"))
        config_map = self._named(namespace, name)
        if config_map is None:
            message = f"ConfigMap {name} is not in these files: {otherwise}"
            findings.info(ConfigReason.MISSING_REFERENCE, message, path, hint="hand the ConfigMap in as well")
            return None
        data = _data(config_map)
        if not isinstance(data.get(key), str):
            keys = ", ".join(sorted(map(str, data))) or "none"
            hint = did_you_mean(key, map(str, data)) or f"its keys: {keys}"
            message = f"ConfigMap {name} has no key {key!r}"
            findings.error(ConfigReason.MISSING_REFERENCE, message, f"{path}.key", hint=hint)
            return None
        self.used.setdefault((config_map.namespace, name), set()).add(key)
        return _text(config_map, key)

    def data(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return the texts of a ConfigMap by key, or None where it is not at hand."""
        config_map = self._named(namespace, name)
        if config_map is None:
            return None
        return {key: text for key, text in _data(config_map).items() if isinstance(key, str) and isinstance(text, str)}

    def has(self, namespace: str, name: str) -> bool:
        """Whether a ConfigMap is at hand."""
        return self._named(namespace, name) is not None

    def _named(self, namespace: str, name: str) -> KubernetesObject | None:
        found = self.objects.get((namespace, name))
        if found is not None:
            return found
        beside = [one for one in self.objects.values() if one.name == name and may_be_one(one.namespace, namespace)]
        return beside[0] if len(beside) == 1 else None

    def is_used(self, config_map: KubernetesObject, key: str | None = None) -> bool:
        """Whether something referred to a ConfigMap, or to one key of it."""
        keys = self.used.get((config_map.namespace, config_map.name), set())
        return bool(keys) if key is None else key in keys


def may_be_one(namespace: str, other: str) -> bool:
    """Whether two objects may be in one namespace: one that names none comes into the one that it is applied to."""
    return namespace == other or not namespace or not other


def texts_of(config_map: KubernetesObject) -> Iterator[ConfigMapText]:
    """Yield the texts of a ConfigMap."""
    for key, text in _data(config_map).items():
        if isinstance(key, str) and isinstance(text, str):
            yield _text(config_map, key)


def _data(config_map: KubernetesObject) -> Mapping[Any, Any]:
    data = config_map.value.get("data")
    return data if isinstance(data, dict) else {}


def _text(config_map: KubernetesObject, key: str) -> ConfigMapText:
    path, document = f"data.{key}", config_map.document
    return ConfigMapText(
        file=config_map.file,
        object=f"ConfigMap/{config_map.name}",
        key=key,
        text=_data(config_map)[key],
        key_line=document.lines.get(path),
        first_line=document.blocks.get(path),
    )
