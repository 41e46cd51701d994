"""What providers leave running in the event loop is a warning where the server waits for it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.releases import Release
from llamastack_resolver.start import leftovers
from llamastack_resolver.start_plan.plan import PlanStep

ENTRY = ProviderEntry("safety", "x", "remote::x", {}, None, "providers.safety[0]")
MINE = ProviderWithSpec("x", "remote::x", ProviderSpec("safety", "remote::x", module=__name__), ENTRY)
PLAN = (PlanStep("safety", (MINE,), ()),)


def found(start: Callable[[], Any], release: str = "0.7.3") -> list[tuple[str, str, str | None]]:
    async def run() -> list[tuple[str, str, str | None]]:
        kept = start()
        findings = Findings()
        await leftovers.report_leftovers(PLAN, Release.parse(release), findings)
        del kept
        released.set()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return [(str(finding.severity), finding.path, finding.provider) for finding in findings]

    return asyncio.run(run())


released = threading.Event()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_PATIENCE", 0.2)
    released.clear()


async def stubborn() -> None:
    while not released.is_set():
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            continue


async def decent() -> None:
    await asyncio.sleep(99)


def test_a_task_that_does_not_end_is_told_of_the_provider_whose_code_it_is():
    assert found(lambda: asyncio.create_task(stubborn())) == [("warning", "providers.safety[0]", "x")]


def test_one_that_ends_is_not():
    assert found(lambda: asyncio.create_task(decent())) == []


def test_nor_where_the_server_goes_on_in_the_same_loop():
    assert found(lambda: asyncio.create_task(stubborn()), "0.2.17") == []


def test_a_thread_of_the_pool_is_told_while_it_is_at_work():
    def busy() -> Any:
        return asyncio.get_running_loop().run_in_executor(None, released.wait)

    def idle() -> Any:
        return asyncio.get_running_loop().run_in_executor(None, int)

    assert found(busy) == [("warning", "providers", None)]
    assert found(idle) == []
