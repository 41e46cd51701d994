"""Who else writes the fields of an object that are ours, as `managedFields` tell it (KEP-555)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.objects.fields import mapping, mappings, text

HANDOVER_MANAGER = "llamastack-operator-replicas"
"""Whom the operator gives the number of replicas to, where it is no field of its own for a while."""
_LONGEST_NAME = 128
"""Most characters of a field manager's name (the API server's own bound)."""
_LONGEST_FIELD = 256


@dataclass(frozen=True, slots=True)
class Contender:
    """Who changes an object of ours.

    Attributes:
        manager: the field manager that wrote last of those that own fields of ours; empty where none is recorded.
        field: the first of these fields, such as `spec.replicas`.
        renders: whether the object bears another digest of ours: another operator made it otherwise.
        deletes: whether the object is deleted rather than changed.
    """

    manager: str = ""
    field: str = ""
    renders: bool = False
    deletes: bool = False


def contender(metadata: Mapping[str, Any], ours: Mapping[str, Any], renders: bool) -> Contender:
    """Return who changes an object.

    Args:
        metadata: the metadata of the object as it is now.
        ours: the fields that we apply, as `fieldsV1`.
        renders: whether the object bears another digest than what we would write.

    Raises:
        UnreadableError: they are not recorded as the API says.
    """
    entries = sorted(mappings(metadata, "managedFields"), key=lambda entry: text(entry, "time"), reverse=True)
    for entry in entries:
        manager = text(entry, "manager")[:_LONGEST_NAME]
        if manager in (FIELD_MANAGER, HANDOVER_MANAGER) and entry.get("operation") == "Apply":
            continue
        field = next(_shared(mapping(entry, "fieldsV1"), ours), None)
        if field is not None:
            return Contender(manager, field.removeprefix(".")[:_LONGEST_FIELD], renders)
    return Contender(renders=renders)


def _shared(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that are in both, from the outermost that one of the two owns as a whole."""
    for key, part in theirs.items():
        inner = ours.get(key)
        if inner is None or key == ".":
            continue
        if not (inner and isinstance(part, Mapping) and part):
            yield _step(key)
        else:
            yield from (f"{_step(key)}{rest}" for rest in _shared(part, inner))


def _step(key: str) -> str:
    return f".{key[2:]}" if key.startswith("f:") else f"[{key[2:]}]"
