"""Counts what the caches hold, by words that anybody may have written. Pure.

The statuses of stacks and builds are data of the cluster: what is no word of the API, or one of too many, is counted as
`Other`, so that nobody makes a time series for each of his objects.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.stack.stack import Stack

MOST_SERIES = 500
"""Most time series of one metric whose labels come from objects."""
OTHER = "Other"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,47}")
_NAMESPACE = re.compile(r"[a-z0-9-]{1,63}")


class Counted:
    """A metric that is counted anew each time it is asked for.

    Args:
        name: its name.
        words: what it says.
        labels: the names of its labels.
    """

    def __init__(self, name: str, words: str, *labels: str) -> None:
        self._family = (name, words, labels)
        self._counts: Counter[tuple[str, ...]] = Counter()

    def add(self, *values: object, count: int = 1) -> None:
        """Count an object under the values of the labels."""
        key = tuple(_word(value) for value in values)
        if key not in self._counts and len(self._counts) >= MOST_SERIES:
            key = (OTHER,) * len(key)
        self._counts[key] += count

    def family(self) -> Metric:
        """Return what was counted."""
        name, words, labels = self._family
        family = GaugeMetricFamily(name, words, labels=labels)
        for key, count in sorted(self._counts.items()):
            family.add_metric(key, count)
        return family


def stack_families(stacks: Iterable[Stack]) -> Iterator[Metric]:
    """Yield how stacks stand, by their statuses as last seen."""
    conditions = Counted("llamastack_stacks", "Stacks by condition.", "condition", "status", "reason")
    findings = Counted("llamastack_findings", "Findings of stacks.", "severity", "reason")
    checks = Counted("llamastack_start_checks", "Stacks by what their last start check said.", "verdict")
    total = 0
    for stack in stacks:
        total += 1
        for one in _mappings(stack.status.get("conditions")):
            conditions.add(one.get("type"), one.get("status"), one.get("reason"))
        for one in _mappings(stack.status.get("findings")):
            findings.add(one.get("severity"), one.get("reason"))
        check = stack.status.get("startCheck")
        if isinstance(check, Mapping):
            checks.add(check.get("verdict"))
    yield GaugeMetricFamily("llamastack_stacks_known", "Stacks that the operator knows of.", value=total)
    yield from (conditions.family(), findings.family(), checks.family())


def build_families(builds: Iterable[BuildRecord], now: datetime) -> Iterator[Metric]:
    """Yield how builds stand.

    Args:
        builds: the known builds.
        now: the time, to tell how long the ones that run have run.
    """
    phases = Counted("llamastack_builds", "Builds by phase and namespace.", "phase", "namespace")
    failures = Counted("llamastack_build_failures", "Builds whose last try failed, by why.", "reason")
    longest = 0.0
    for build in builds:
        phases.add(build.phase, build.key[0])
        if build.status.failure is not None and build.phase != "Succeeded":
            failures.add(build.status.failure.reason)
        if build.phase == "Building" and build.status.started_at:
            longest = max(longest, _age(build.status.started_at, now))
    yield from (phases.family(), failures.family())
    words = "How long the longest try of a build that runs has run."
    yield GaugeMetricFamily("llamastack_build_longest_seconds", words, value=longest)


def queue_families(queues: Mapping[str, Mapping[str, tuple[int, float]]]) -> Iterator[Metric]:
    """Yield how much work waits.

    Args:
        queues: by what is reconciled and lane, how many keys wait, and for how many seconds the first has.
    """
    depth = GaugeMetricFamily("llamastack_queue_depth", "Keys that wait for a pass.", labels=("kind", "lane"))
    age = GaugeMetricFamily(
        "llamastack_queue_oldest_seconds", "How long the first of them has waited.", labels=("kind", "lane")
    )
    for kind, lanes in queues.items():
        for lane, (waiting, oldest) in lanes.items():
            depth.add_metric((kind, lane), waiting)
            age.add_metric((kind, lane), oldest)
    yield from (depth, age)


def counter_family(name: str, words: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Metric:
    """Return counts that only grow, which others keep.

    Args:
        name: the metric's name, without `_total`.
        words: what it says.
        labels: the names of its labels.
        counts: by the label's value, or the labels' values.
    """
    family = CounterMetricFamily(name, words, labels=labels)
    for key, count in counts.items():
        family.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], count)
    return family


def _word(value: object) -> str:
    if isinstance(value, str) and (_WORD.fullmatch(value) or _NAMESPACE.fullmatch(value)):
        return value
    return OTHER


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, Mapping))


def _age(since: str, now: datetime) -> float:
    try:
        return max(0.0, (now - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
