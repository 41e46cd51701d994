"""References by which the API server's garbage collector takes an object along when its last owner goes."""

from __future__ import annotations

from typing import Any

from llamastack_operator.objects.resources import Resource


def owner_reference(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """Return a reference to one of perhaps several owners."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, "name": name, "uid": uid}


def controller_reference(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """Return the reference to the one owner that made an object."""
    return {**owner_reference(resource, name, uid), "controller": True, "blockOwnerDeletion": True}
