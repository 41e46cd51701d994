"""What is counted of passes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from llamastack_operator.controller.metrics.passes import PassMetrics


def test_passes_are_counted_with_their_time_and_whether_they_settled() -> None:
    registry = CollectorRegistry()
    passes = PassMetrics(registry)
    passes.passed("stack", 0.25, True)
    passes.passed("stack", 0.5, False)
    assert registry.get_sample_value("llamastack_passes_total", {"kind": "stack", "settled": "true"}) == 1
    assert registry.get_sample_value("llamastack_passes_total", {"kind": "stack", "settled": "false"}) == 1
    assert registry.get_sample_value("llamastack_pass_duration_seconds_sum", {"kind": "stack"}) == 0.75
