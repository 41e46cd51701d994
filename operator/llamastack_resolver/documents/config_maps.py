"""ConfigMaps that were handed in together with what refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.findings import Findings, Reason


@dataclass(frozen=True)
class ConfigMaps:
    """ConfigMaps of the same files, by namespace and name."""

    data: Mapping[tuple[str, str], Mapping[str, Any]]

    @classmethod
    def among(cls, values: Iterable[Any]) -> ConfigMaps:
        """Return those among the values of YAML documents."""
        found = {}
        for value in values:
            if isinstance(value, dict) and value.get("kind") == "ConfigMap" and isinstance(value.get("data"), dict):
                metadata = value.get("metadata")
                metadata = metadata if isinstance(metadata, dict) else {}
                found[str(metadata.get("namespace") or ""), str(metadata.get("name"))] = value["data"]
        return cls(found)

    def text(
        self, namespace: str, reference: Mapping[str, Any], path: str, otherwise: str, findings: Findings
    ) -> str | None:
        """Return the text that a `configMapKeyRef` leads to, or None after adding a finding.

        Args:
            namespace: the namespace of what refers to it.
            reference: its `name` and `key`.
            path: where the reference stands.
            otherwise: what it means that the ConfigMap is not at hand.
            findings: where the findings go.
        """
        name, key = str(reference.get("name")), str(reference.get("key"))
        data = self.data.get((namespace, name))
        if data is None:
            message = f"ConfigMap {name} is not in these files: {otherwise}"
            findings.info(Reason.MISSING_REFERENCE, message, path)
            return None
        text = data.get(key)
        if not isinstance(text, str):
            findings.error(Reason.MISSING_REFERENCE, f"ConfigMap {name} has no key {key!r}", f"{path}.key")
            return None
        return text
