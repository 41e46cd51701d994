"""What is served of the operator itself, asked over the loopback interface."""

from __future__ import annotations

import asyncio

import aiohttp
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from llamastack_operator.controller.metrics.endpoint import Answer, metrics_answer, ready_answer, serving


def asked(answer: Answer, path: str, served: str = "/metrics") -> tuple[int, str]:
    async def ask() -> tuple[int, str]:
        async with serving("127.0.0.1", 0, served, answer) as port, aiohttp.ClientSession() as session:
            response = await session.get(f"http://127.0.0.1:{port}{path}")
            return response.status, await response.text()

    return asyncio.run(ask())


def test_metrics_are_in_the_format_of_prometheus() -> None:
    registry = CollectorRegistry()
    Gauge("llamastack_answer", "The answer.", registry=registry).set(42)
    status, text = asked(metrics_answer(registry), "/metrics")
    assert status == 200
    assert [family.samples[0].value for family in text_string_to_metric_families(text)] == [42]


def test_nothing_else_is_served() -> None:
    assert asked(metrics_answer(CollectorRegistry()), "/")[0] == 404
    assert asked(metrics_answer(CollectorRegistry()), "/readyz")[0] == 404


def test_who_is_not_ready_says_why() -> None:
    assert asked(ready_answer(lambda: "pods are not in step"), "/readyz", "/readyz") == (503, "pods are not in step\n")
    assert asked(ready_answer(lambda: ""), "/readyz", "/readyz") == (200, "ok\n")


def test_a_port_is_free_again_afterwards() -> None:
    async def twice() -> None:
        async with serving("127.0.0.1", 0, "/metrics", metrics_answer(CollectorRegistry())) as port:
            pass
        async with serving("127.0.0.1", port, "/metrics", metrics_answer(CollectorRegistry())) as again:
            assert again == port

    asyncio.run(twice())
