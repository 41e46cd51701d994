"""Writes the status of a stack where it changed, and tells what changed by Events.

Two operators that see a stack otherwise would write its status against each other. What is written again and again is
told as such, and then once a minute (see `kube/brake.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from llamastack_operator.controller.stack.ghosts import UnfoundError
from llamastack_operator.kube.brake import Brake
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.events import EventRecorder
from llamastack_operator.kube.status import write_status
from llamastack_operator.objects.child import Key, digest
from llamastack_operator.objects.fields import version_of
from llamastack_operator.objects.resources import LLAMASTACKS
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.planning.stack.transitions import transitions

Status = dict[str, Any]


class StatusReporter:
    """Writes statuses.

    Args:
        client: the API server.
        stacks: the known stacks, which have the status as it was written from then on.
        recorder: posts Events.
        brake: slows down what would be a fight.
    """

    def __init__(
        self, client: Client, stacks: Cache[Stack], recorder: EventRecorder, brake: Brake | None = None
    ) -> None:
        self._client = client
        self._stacks = stacks
        self._recorder = recorder
        self._brake = brake or Brake()

    async def report(self, stack: Stack, status: Status, contended: Callable[[], Status]) -> bool:
        """Write a status if it is another than the stack has; return whether it stands, or nothing hinders it.

        Args:
            stack: the stack as the pass saw it.
            status: its status.
            contended: makes the status that says that somebody else writes it, too.

        Raises:
            UnfoundError: the API server has no such stack.
            ApiError: the API server did not take it.
            OSError, TimeoutError: it could not be reached.
        """
        if status == stack.status:
            return True
        if await self._written("status", stack, status):
            return True
        status = contended()
        if status != stack.status:
            await self._written("contended status", stack, status)
        return False

    def forget(self, key: Key) -> None:
        """Forget a stack that is gone."""
        for what in ("status", "contended status"):
            self._brake.forget((what, key))

    async def _written(self, what: str, stack: Stack, status: Status) -> bool:
        """Write a status, unless the same was written too often lately."""
        place, content = (what, stack.key), digest(_without_times(status))
        if self._brake.left(place, content) < 1:
            return False
        metadata = await write_status(self._client, LLAMASTACKS, stack.key, stack.uid, status)
        if metadata is None:
            raise UnfoundError
        # What the API server did not take is no fight.
        self._brake.wrote(place, content)
        current = self._stacks.get(stack.key)
        # Else there is an edit that the watch has yet to tell of, and this version would make it old news.
        if current is not None and current.uid == stack.uid and current.differs_in_status_from(metadata):
            self._stacks.put(replace(current, version=version_of(metadata), status=status))
        for transition in transitions(stack.status, status):
            await self._recorder.record(stack.key, stack.uid, transition.reason, transition.message, transition.warning)
        return True


def _without_times(status: Mapping[str, Any]) -> Status:
    conditions = [{**one, "lastTransitionTime": ""} for one in status.get("conditions") or ()]
    return {**status, "conditions": conditions}
