"""What the caches keep of an object.

A watch of thousands of objects lives or dies by what it keeps. Of a child only identity, ownership and a few facts
of its status are needed: its spec is never compared, for server-side apply already records in `managedFields`
which fields are ours (see `kube/ownership.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import (
    APPLIED_ANNOTATION,
    OWNER_ANNOTATION,
    STACK_LABEL,
)
from llamastack_operator.objects.child_facts import FACTS_OF, ChildFacts
from llamastack_operator.objects.fields import (
    annotation,
    controller_of,
    is_of_kind,
    label,
    metadata_of,
    number,
    text,
    version_of,
)
from llamastack_operator.objects.managed_fields import owned_fields_of
from llamastack_operator.objects.resources import LLAMASTACKS, PERSISTENTVOLUMECLAIMS, Resource

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Child:
    """An object that the operator made for a stack.

    Attributes:
        resource: its kind.
        key: its namespace and name.
        group: the name of the stack that it says it belongs to: of the stack that controls it, else by its label.
        uid: its UID.
        version: its resourceVersion.
        generation: its metadata.generation, 0 where the kind has none.
        owner_uid: the UID of what controls it, for a claim that outlives it of the stack that made it; empty for an
            orphan.
        applied: the digest of what was last applied, as annotated.
        owned: the digest of the fields that the API server says are ours; empty where there are none.
        deleting: whether it is on its way out.
        facts: what a pass needs of it beside that; None for a kind of which nothing is.
    """

    resource: Resource
    key: Key
    group: str
    uid: str
    version: int
    generation: int
    owner_uid: str
    applied: str
    owned: str
    deleting: bool
    facts: ChildFacts | None

    def belongs_to(self, owner_uid: str) -> bool:
        """Tell whether a stack may write it: it made it, or it is an orphan that this operator made."""
        return self.owner_uid == owner_uid or (not self.owner_uid and bool(self.owned))


@dataclass(frozen=True, slots=True)
class Desired:
    """An object as the operator wants it.

    Attributes:
        resource: its kind.
        body: exactly the fields that are ours.
        applied: the digest of those fields, which is also written on the object.
        owner_uid: the UID of the stack that it belongs to.
    """

    resource: Resource
    body: Mapping[str, Any]
    applied: str
    owner_uid: str

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        metadata = self.body["metadata"]
        return metadata["namespace"], metadata["name"]


def child_from(resource: Resource, body: Mapping[str, Any]) -> Child:
    """Return what is kept of an object of the API.

    Raises:
        UnreadableError: it is not what the API says.
    """
    metadata = metadata_of(body)
    owner = controller_of(metadata)
    by_stack = is_of_kind(owner, LLAMASTACKS.group, LLAMASTACKS.kind)
    fields, read = owned_fields_of(metadata), FACTS_OF.get(resource.kind)
    return Child(
        resource=resource,
        key=(metadata["namespace"], metadata["name"]),
        group=text(owner, "name") if by_stack else label(metadata, STACK_LABEL),
        uid=metadata["uid"],
        version=version_of(metadata),
        generation=number(metadata, "generation"),
        owner_uid=text(owner, "uid") or _maker(resource, metadata),
        applied=annotation(metadata, APPLIED_ANNOTATION),
        owned=digest(fields) if fields else "",
        deleting="deletionTimestamp" in metadata,
        facts=read(body, fields) if read is not None else None,
    )


def _maker(resource: Resource, metadata: Mapping[str, Any]) -> str:
    """Return the UID of the stack that made a claim which outlives it; other kinds have an owner to say so."""
    return annotation(metadata, OWNER_ANNOTATION) if resource is PERSISTENTVOLUMECLAIMS else ""


def digest(value: Any) -> str:
    """Return a short digest of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wants_body(resource: Resource) -> bool:
    """Tell whether more than the metadata of a kind is kept."""
    return resource.kind in FACTS_OF
