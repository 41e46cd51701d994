"""Creates the ConfigMaps and Jobs of builds, and takes what has their name for theirs only where it is the same.

Whoever may create objects can put one of his own under a name that will be needed, and write a build's UID into its
owners. So what is compared is what an object holds: that alone is what the programs of a build will read and do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.kube.client import ApiError, Client, Object
from llamastack_operator.objects.build_recipe import images_of, recipe_of
from llamastack_operator.objects.builds import job_from
from llamastack_operator.objects.fields import mapping
from llamastack_operator.objects.resources import JOBS, Resource


class InTheWayError(Exception):
    """An object of the needed name exists, and is another one; it is left alone."""


async def create(client: Client, resource: Resource, body: Object) -> Object:
    """Create an object of a build, and return it, or the same one that is there already.

    Args:
        client: the API server.
        resource: ConfigMaps or Jobs.
        body: the object.

    Raises:
        InTheWayError: the name is taken.
        ApiError: the API server refused.
    """
    try:
        return await client.create(resource, body)
    except ApiError as error:
        if error.code != 409:
            raise
        name = body["metadata"]["name"]
        found = await client.get(resource, body["metadata"]["namespace"], name)
        if found is None:
            raise
        same = _is_same_job if resource is JOBS else _is_same_config_map
        if not same(found, body):
            message = f"a {resource.kind} {name!r} is in the way that is not what the operator wrote"
            raise InTheWayError(message) from error
        return found


def _is_same_config_map(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return found.get("data") == wanted["data"] and not found.get("binaryData")


def _is_same_job(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a Job runs what is wanted, and is found again as a try of its build."""
    known, own = job_from(found), job_from({**wanted, "metadata": {**wanted["metadata"], **_identity(found)}})
    if known is None or own is None:
        return False
    marks = [(one.group, one.build_uid, one.attempt) for one in (known, own)]
    pods = [mapping(mapping(mapping(one, "spec"), "template"), "spec") for one in (found, wanted)]
    return marks[0] == marks[1] and all(read(pods[0]) == read(pods[1]) for read in (recipe_of, images_of))


def _identity(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found["metadata"][name] for name in ("uid", "resourceVersion")}
