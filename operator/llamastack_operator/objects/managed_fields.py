"""What the API server records of a field manager that applies: the fields that are its own (KEP-555)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.objects.fields import mapping, mappings


def owned_fields_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that the operator owns by apply, as the API server records them.

    Raises:
        UnreadableError: they are not recorded as the API says.
    """
    for entry in mappings(metadata, "managedFields"):
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
            FIELD_MANAGER,
            "Apply",
            "",
        ):
            return mapping(entry, "fieldsV1")
    return {}
