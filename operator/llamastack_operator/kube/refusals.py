"""Reads why no pod was made for a Job. A Job does not tell: its controller writes an Event, and nothing else."""

from __future__ import annotations

import logging

from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import UnreadableError, mappings, text
from llamastack_operator.objects.resources import EVENTS

logger = logging.getLogger(__name__)

_MOST = "50"
"""Events that are looked at; the controller adds to one that says the same."""


async def refusal(client: Client, job: Key, uid: str) -> str:
    """Return the newest words of what kept the pod of a Job from being made, empty where there are none.

    Args:
        client: the API server.
        job: the Job's namespace and name.
        uid: its UID.
    """
    about = f"involvedObject.uid={uid},type=Warning,reason=FailedCreate"
    try:
        page = await client.list_page(EVENTS, job[0], {"fieldSelector": about, "limit": _MOST})
        told = [(text(event, "lastTimestamp"), text(event, "message")) for event in mappings(page, "items")]
    except (ApiError, UnreadableError) as error:
        # A namespace may be looked after with fewer rights; the failure itself is told without the words too.
        logger.warning("%s/%s: cannot read why it has no pod: %s", *job, error)
        return ""
    return " ".join(max(told, default=("", ""))[1].split())
