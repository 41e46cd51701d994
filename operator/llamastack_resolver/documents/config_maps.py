"""ConfigMaps that were handed in together with what refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean


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
            findings.info(ConfigReason.MISSING_REFERENCE, message, path, hint="hand the ConfigMap in as well")
            return None
        text = data.get(key)
        if not isinstance(text, str):
            keys = ", ".join(sorted(map(str, data))) or "none"
            hint = did_you_mean(key, map(str, data)) or f"its keys: {keys}"
            message = f"ConfigMap {name} has no key {key!r}"
            findings.error(ConfigReason.MISSING_REFERENCE, message, f"{path}.key", hint=hint)
            return None
        return text
