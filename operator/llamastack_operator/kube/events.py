"""Writes Kubernetes Events about stacks. The caller calls on transitions only; a lost event is not tried again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import aiohttp

from llamastack_operator.api.base import API_VERSION
from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.api.stack import KIND
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.resources import EVENTS

NOTE_LIMIT = 1024
"""Most characters of an event's message (core/v1)."""

logger = logging.getLogger(__name__)


class EventRecorder:
    """Posts events about stacks.

    Args:
        client: the API server.
        instance: the name of this operator's pod.
    """

    def __init__(self, client: Client, instance: str) -> None:
        self._client = client
        self._instance = instance

    async def record(self, stack: Key, uid: str, reason: str, message: str, warning: bool) -> None:
        """Post one event.

        Args:
            stack: namespace and name of the stack.
            uid: its UID.
            reason: a reason of `docs/reasons.md`.
            message: what happened, for people.
            warning: whether it is a Warning.
        """
        body = event(stack, uid, reason, message, warning, datetime.now(UTC), self._instance)
        try:
            await self._client.create(EVENTS, body)
        except (ApiError, TimeoutError, aiohttp.ClientError) as error:
            logger.warning("%s/%s: cannot post the event %s: %s", *stack, reason, error)


def event(
    stack: Key, uid: str, reason: str, message: str, warning: bool, now: datetime, instance: str
) -> dict[str, Any]:
    """Return a core/v1 Event."""
    namespace, name = stack
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "generateName": f"{name}-"},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": namespace,
            "name": name,
            "uid": uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "action": "Reconcile",
        "message": message[:NOTE_LIMIT],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": instance,
    }
