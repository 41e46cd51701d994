"""Reads what there is to tell from the parts of the operator when somebody asks, so that it costs nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from llamastack_operator.controller.metrics.families import (
    build_families,
    counter_family,
    queue_families,
    stack_families,
)
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.apply import Applier
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.stack.stack import Stack


class Watcher(Protocol):
    """An informer, as far as it is counted."""

    plural: str
    lists: int
    unreadable: Unreadable


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of the operator that have something to tell.

    Attributes:
        client: the API server.
        stacks: the known stacks.
        builds: the known builds.
        queues: the queues, by what is reconciled.
        informers: all informers.
        unreadable: the stacks that could not be read.
        applier: what writes the objects of stacks.
    """

    client: Client
    stacks: Cache[Stack]
    builds: Cache[BuildRecord]
    queues: Mapping[str, WorkQueue[Key]]
    informers: Sequence[Watcher]
    unreadable: Unreadable
    applier: Applier


class OperatorCollector(Collector):
    """Tells the state of the operator.

    Args:
        sources: what it asks.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterator[Metric]:
        """Say nothing in advance: what there is depends on the objects."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        sources = self._sources
        yield from stack_families(sources.stacks.all())
        yield from build_families(sources.builds.all(), datetime.now(UTC))
        now = time.monotonic()
        yield from queue_families({kind: queue.lanes(now) for kind, queue in sources.queues.items()})
        lists: Counter[str] = Counter()
        unreadable: Counter[str] = Counter({"llamastacks": sources.unreadable.count})
        for informer in sources.informers:
            lists[informer.plural] += informer.lists
            unreadable[informer.plural] += informer.unreadable.count
        words = "Lists of informers: one at their start, and one after each watch that could not go on."
        yield counter_family("llamastack_informer_lists", words, ("resource",), lists)
        words = "Objects that could not be read and were passed over."
        yield counter_family("llamastack_unreadable_objects", words, ("resource",), unreadable)
        words = "Changes of others to objects of stacks that were undone."
        yield counter_family("llamastack_corrections", words, ("kind",), sources.applier.corrections)
        words = "Answers of the API server; watches count once each."
        yield counter_family("llamastack_api_requests", words, ("verb", "resource", "code"), sources.client.answers)
