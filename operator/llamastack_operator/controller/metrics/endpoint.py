"""Serves `/metrics` and `/readyz`, each at a port of its own.

Metrics have the names of tenants' namespaces: they are served on the loopback interface of the pod, where
`kubectl port-forward` reaches them, unless the chart is told otherwise, and then behind a NetworkPolicy. Whether the
operator is ready anybody may know.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Answer = Callable[[], web.Response]


@contextlib.asynccontextmanager
async def serving(host: str, port: int, path: str, answer: Answer) -> AsyncIterator[int]:
    """Serve one path while the block runs; yield the port.

    Args:
        host: the address to listen at.
        port: the TCP port; 0 for any that is free.
        path: the path.
        answer: makes an answer.

    Raises:
        OSError: the port is taken.
    """

    async def handle(_: web.Request) -> web.Response:
        return answer()

    app = web.Application(client_max_size=1024)
    app.router.add_get(path, handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def metrics_answer(registry: CollectorRegistry) -> Answer:
    """Return what answers with the metrics of a registry."""

    def answer() -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer


def ready_answer(unready: Callable[[], str]) -> Answer:
    """Return what answers whether the operator is ready.

    Args:
        unready: says why it is not; an empty text where it is.
    """

    def answer() -> web.Response:
        why = unready()
        return web.Response(status=503 if why else 200, text=f"{why or 'ok'}\n")

    return answer
