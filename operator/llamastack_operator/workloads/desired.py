"""Gives a wanted object its name, labels, owner and digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import APPLIED_ANNOTATION, child_labels
from llamastack_operator.objects.child import Desired, Key, digest
from llamastack_operator.objects.owners import controller_reference
from llamastack_operator.objects.resources import LLAMASTACKS, Resource


@dataclass(frozen=True, slots=True)
class Owner:
    """The stack that an object belongs to.

    Attributes:
        key: its namespace and name.
        uid: its UID.
    """

    key: Key
    uid: str

    def reference(self) -> dict[str, Any]:
        """Return the controller's owner reference, by which the object goes when the stack goes."""
        return controller_reference(LLAMASTACKS, self.key[1], self.uid)


def desired(
    resource: Resource,
    owner: Owner,
    name: str,
    parts: Mapping[str, Any],
    annotations: Mapping[str, str] | None = None,
    owned: bool = True,
) -> Desired:
    """Return a wanted object of a stack.

    Args:
        resource: its kind.
        owner: the stack.
        name: its name.
        parts: its top-level fields beside metadata, for example `{"spec": {...}}`.
        annotations: its annotations.
        owned: whether it goes when the stack goes.
    """
    namespace, stack = owner.key
    metadata: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "labels": child_labels(stack),
        "annotations": dict(annotations or {}),
    }
    if owned:
        metadata["ownerReferences"] = [owner.reference()]
    body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **parts}
    applied = digest(body)
    metadata["annotations"][APPLIED_ANNOTATION] = applied
    return Desired(resource, body, applied, owner.uid)
