"""What providers leave running in the event loop in which they are started.

Servers since 0.2.23 start providers in a loop of its own, which they close before they serve: its tasks are cancelled,
and they and the threads of its pool are waited for. Servers before go on in the same loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from llamastack_resolver.findings import Findings
from llamastack_resolver.releases import Release
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.start_plan.plan import PlanStep
from llamastack_resolver.watching import Step, at

_CLOSING_SINCE = Release.parse("0.2.23")
_PATIENCE = 3.0
"""Seconds in which a task that is cancelled ends, and a thread of the pool."""
_HINT = "ask the provider's author, or use another version: what it leaves running has to end when it is cancelled"


async def report_leftovers(plan: tuple[PlanStep, ...], release: Release, findings: Findings) -> None:
    """Close the running loop as far as the server does, and warn of what does not end with it.

    Args:
        plan: what was started.
        release: the installed release.
        findings: where the warnings go.
    """
    if not release.since(_CLOSING_SINCE):
        return
    with at(Step("ending what providers left running", StartReason.INSTANTIATION_FAILED, "providers")):
        # The server has more to do before: by then they are under way.
        await asyncio.sleep(0.01)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        pending = (await asyncio.wait(tasks, timeout=_PATIENCE))[1] if tasks else set()
        threads = await _threads_of_the_pool()
    for task in pending:
        _report_task(task, plan, release, findings)
    if threads:
        message = f"a provider left a thread of the event loop's pool running: the server of {release} waits for it"
        findings.warning(StartReason.INSTANTIATION_FAILED, f"{message}, up to 300 s", "providers", hint=_HINT)


async def _threads_of_the_pool() -> bool:
    """Whether threads of the loop's pool are still at work after a while."""
    pool: Any = getattr(asyncio.get_running_loop(), "_default_executor", None)
    if pool is None:
        return False
    pool.shutdown(wait=False, cancel_futures=True)
    threads = list(getattr(pool, "_threads", ()))
    end = time.monotonic() + _PATIENCE
    while any(thread.is_alive() for thread in threads) and time.monotonic() < end:  # noqa: ASYNC110 - they set no event
        await asyncio.sleep(0.01)
    return any(thread.is_alive() for thread in threads)


def _report_task(task: asyncio.Task[Any], plan: tuple[PlanStep, ...], release: Release, findings: Findings) -> None:
    frame = getattr(task.get_coro(), "cr_frame", None)
    module = frame.f_globals.get("__name__", "") if frame is not None else ""
    package = module.partition(".")[0]
    place = f" ({module}:{frame.f_lineno})" if frame is not None else ""
    message = f"left a task running that does not end when it is cancelled{place}: the server of {release} waits for it"
    for step in plan:
        for provider in step.providers:
            if provider.entry is not None and package and (provider.spec.module or "").partition(".")[0] == package:
                text, path = f"{provider.provider_type} {message}", provider.entry.path
                reason, name = StartReason.INSTANTIATION_FAILED, provider.provider_id
                findings.warning(reason, text, path, api=step.api, provider=name, hint=_HINT)
                return
    findings.warning(StartReason.INSTANTIATION_FAILED, f"a provider {message}", "providers", hint=_HINT)
