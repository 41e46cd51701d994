"""Why a Job has no pod, from its controller's Events.

The client is a fake that answers with the Events that a test has: those of a real controller are in tests/e2e.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.refusals import refusal
from llamastack_operator.objects.resources import EVENTS, Resource

QUOTA = 'Error creating: pods "a" is forbidden: exceeded quota: small'


class Events:
    """Answers with Events, or with an error."""

    def __init__(self, *items: Any, error: Exception | None = None) -> None:
        self.items = items
        self.error = error
        self.asked: list[tuple[Resource, str | None, Any]] = []

    async def list_page(self, resource: Resource, namespace: str | None, query: Any) -> Any:
        self.asked.append((resource, namespace, query))
        if self.error is not None:
            raise self.error
        return {"items": list(self.items)}


def told(events: Events) -> str:
    return asyncio.run(refusal(cast(Client, events), ("team-a", "modules-a-1"), "job-1"))


def event(last: str, message: str) -> dict[str, Any]:
    return {"lastTimestamp": last, "message": message}


def test_the_newest_words_are_told_in_one_line() -> None:
    old, new = event("2026-01-01T00:00:00Z", "old"), event("2026-01-01T00:01:00Z", f"{QUOTA}\n  and more")
    assert told(Events(new, old)) == f"{QUOTA} and more"


def test_only_of_that_job_is_asked_and_only_in_its_namespace() -> None:
    events = Events()
    assert told(events) == ""
    ((resource, namespace, query),) = events.asked
    assert (resource, namespace) == (EVENTS, "team-a")
    assert query["fieldSelector"] == "involvedObject.uid=job-1,type=Warning,reason=FailedCreate"
    assert int(query["limit"]) <= 50


@pytest.mark.parametrize(
    "events",
    [
        Events(error=ApiError(403, {"message": "events is forbidden"})),
        Events({"message": 7}),
        Events("no event"),
        Events({}),
    ],
)
def test_where_nothing_can_be_read_there_are_no_words(events: Events) -> None:
    """The try ends all the same: its place must not depend on it."""
    assert told(events) == ""
