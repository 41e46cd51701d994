"""Writes the status of an object, by apply and to the very object that it was computed for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import metadata_of
from llamastack_operator.objects.resources import Resource

logger = logging.getLogger(__name__)


async def write_status(
    client: Client, resource: Resource, key: Key, uid: str, status: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Write a status; return the object's metadata after it, or None where the object went or was replaced.

    Args:
        client: the API server.
        resource: the kind of the object.
        key: its namespace and name.
        uid: its UID, so that one of the same name that came after it is left alone.
        status: the whole status in wire form: a field that is not in it any more is removed.

    Raises:
        ApiError: the API server did not take it.
        UnreadableError: it answered with no object.
        OSError, TimeoutError: it could not be reached.
    """
    namespace, name = key
    body = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
        "status": status,
    }
    try:
        answer = await client.apply(resource, body, subresource="status", metadata_only=True)
    except ApiError as error:
        if error.code in (404, 409):
            logger.info("%s %s/%s went or was replaced during the pass", resource.kind, namespace, name)
            return None
        raise
    return metadata_of(answer)
