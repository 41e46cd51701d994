"""What is measured while it happens: passes, and how late the event loop is."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LOOK = 1.0
"""Seconds between two looks at the event loop."""
_WINDOW = 60
"""Looks over which the worst lateness is told."""


class PassMetrics:
    """Counts passes.

    Args:
        registry: where the metrics are told.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "llamastack_pass_duration_seconds",
            "How long passes took.",
            labelnames=("kind",),
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0),
            registry=registry,
        )
        self._passes = Counter(
            "llamastack_passes",
            "Passes; one that is not settled is run again.",
            labelnames=("kind", "settled"),
            registry=registry,
        )

    def passed(self, kind: str, seconds: float, settled: bool) -> None:
        """Count a pass.

        Args:
            kind: what was reconciled: `stack` or `build`.
            seconds: how long it took.
            settled: whether the object is as it should be.
        """
        self._duration.labels(kind).observe(seconds)
        self._passes.labels(kind, str(settled).lower()).inc()


class LoopLag:
    """Looks how late the event loop is, for what holds it up holds up everybody.

    Args:
        registry: where it is told.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        words = "How late the event loop was at worst in the last minute."
        self._gauge = Gauge("llamastack_loop_lag_seconds", words, registry=registry)
        self._seen: list[float] = []

    @property
    def now(self) -> float:
        """How late it was at the last look, in seconds."""
        return self._seen[-1] if self._seen else 0.0

    async def run(self) -> None:
        """Look for ever."""
        while True:
            begin = time.monotonic()
            await asyncio.sleep(LOOK)
            self._seen = [*self._seen[1 - _WINDOW :], max(0.0, time.monotonic() - begin - LOOK)]
            self._gauge.set(max(self._seen))
