"""What is read of a ConfigMap that a stack refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigMapContent:
    """The content of a ConfigMap, as of a resourceVersion."""

    version: int
    data: Mapping[str, str]
    binary: Mapping[str, str]

    def __contains__(self, key: str) -> bool:
        return key in self.data or key in self.binary
