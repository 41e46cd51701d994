"""Whether the operator does its work: it knows the cluster, and nobody waits for long."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from llamastack_operator.controller.metrics.passes import LoopLag
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.objects.child import Key

LONGEST_WAIT = 30.0
"""Seconds that an edit may wait for its pass."""
LONGEST_LAG = 1.0
"""Seconds that the event loop may be late."""


class Synced(Protocol):
    """What is in step with the cluster, or not yet."""

    plural: str

    @property
    def is_synced(self) -> bool:
        """Whether the first list is in the cache."""
        ...


def why_unready(informers: Sequence[Synced], queues: Mapping[str, WorkQueue[Key]], lag: LoopLag) -> str:
    """Return why the operator is not ready; an empty text where it is.

    Args:
        informers: what has to be in step.
        queues: the queues, by what is reconciled.
        lag: how late the event loop is.
    """
    missing = sorted({one.plural for one in informers if not one.is_synced})
    if missing:
        return f"not in step yet: {', '.join(missing)}"
    if lag.now > LONGEST_LAG:
        return f"the event loop is {lag.now:.1f} s late"
    now = time.monotonic()
    for kind, queue in queues.items():
        waiting, oldest = queue.lanes(now)["urgent"]
        if oldest > LONGEST_WAIT:
            return f"{waiting} passes of kind {kind} wait, the first for {oldest:.0f} s"
    return ""
