"""Keeps secrets out of reports: a provider's exception may quote the key that it was given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|CONNECTION_STRING|DSN", re.I)
_SHORTEST = 4
BLOT = "[redacted]"


class Redactor:
    """Replaces the values of secret variables in any text.

    Args:
        variables: the server's environment; those whose names say that they are secret are blotted out.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        values = {
            value for name, value in (variables or {}).items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
        }
        self._values = sorted(values, key=len, reverse=True)

    def clean(self, value: Any) -> Any:
        """Return plain data with every secret value replaced in its texts."""
        if isinstance(value, str):
            for secret in self._values:
                value = value.replace(secret, BLOT)
            return value
        if isinstance(value, dict):
            return {key: self.clean(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        return value
