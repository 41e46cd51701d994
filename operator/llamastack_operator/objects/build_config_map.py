"""What is kept of the ConfigMaps of builds: the inputs of a try, and what pods install of what was locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import BUILD_LABEL
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import controller_of, digits, label, metadata_of, text, version_of


@dataclass(frozen=True, slots=True)
class BuildConfigMap:
    """A ConfigMap of a build.

    Attributes:
        key: its namespace and name.
        group: the name of its build.
        uid: its UID.
        version: its resourceVersion.
        build_uid: the UID of its build.
        deleting: whether it is on its way out.
    """

    key: Key
    group: str
    uid: str
    version: int
    build_uid: str
    deleting: bool

    @property
    def attempt(self) -> int | None:
        """The try whose inputs it has, as its name tells; None for one that is of none."""
        return digits(self.key[1].removeprefix(f"{self.group}-"))


def build_config_map(body: Mapping[str, Any]) -> BuildConfigMap:
    """Return what is kept of a ConfigMap of the API, of which the metadata is enough.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata = metadata_of(body)
    return BuildConfigMap(
        key=(metadata["namespace"], metadata["name"]),
        group=label(metadata, BUILD_LABEL),
        uid=metadata["uid"],
        version=version_of(metadata),
        build_uid=text(controller_of(metadata), "uid"),
        deleting="deletionTimestamp" in metadata,
    )
