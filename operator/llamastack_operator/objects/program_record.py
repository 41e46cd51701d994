"""What is kept of the ConfigMaps that hold the programs which check and run servers: that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import metadata_of, version_of


@dataclass(frozen=True, slots=True)
class ProgramRecord:
    """A ConfigMap with a program, shared by the stacks of its namespace.

    Attributes:
        key: its namespace and name.
        uid: its UID.
        version: its resourceVersion.
        deleting: whether it is on its way out.
    """

    key: Key
    uid: str
    version: int
    deleting: bool

    @property
    def group(self) -> str:
        """It belongs to no one stack, and is found under its namespace."""
        return ""


def program_record(body: Mapping[str, Any]) -> ProgramRecord:
    """Return what is kept of a ConfigMap of the API, of which the metadata is enough.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata = metadata_of(body)
    key = (metadata["namespace"], metadata["name"])
    return ProgramRecord(key, metadata["uid"], version_of(metadata), "deletionTimestamp" in metadata)
