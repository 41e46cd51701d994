"""The loop that runs passes, of stacks and of builds alike: take a key, run its pass, see to the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.client import ApiError
from llamastack_operator.objects.child import Key

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What comes after a pass.

    Attributes:
        settled: whether the object is as it should be, or an event will tell; else another pass follows with backoff.
        again: seconds until a further look is due in any case, or None.
        asked: seconds that the API server asked to wait before another try.
    """

    settled: bool
    again: float | None = None
    asked: float = 0.0


class Worker:
    """Runs passes for ever; several may share a queue.

    Args:
        queue: the keys that need a pass.
        reconcile: runs one pass.
        kind: what is reconciled, for the log.
        passed: told of each pass its kind, its seconds, and whether the object is as it should be.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        reconcile: Callable[[Key], Awaitable[FollowUp]],
        kind: str,
        passed: Callable[[str, float, bool], None] = lambda *_: None,
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._kind = kind
        self._passed = passed

    async def run(self) -> None:
        """Take keys and run their passes, one at a time."""
        await self._queue.serve(self._work)

    async def _work(self, key: Key) -> None:
        begin = time.monotonic()
        follow_up = await self._pass(key)
        self._passed(self._kind, time.monotonic() - begin, follow_up.settled)
        self._follow(key, follow_up)

    async def _pass(self, key: Key) -> FollowUp:
        """Run one pass; a failure of any kind is told, and is no more than a reason for another try."""
        try:
            return await self._reconcile(key)
        except ApiError as error:
            # What is in a namespace that goes goes with it.
            settled = error.namespace_terminating
            if not settled:
                logger.warning("%s %s/%s: %s", self._kind, *key, error)
            return FollowUp(settled, asked=error.retry_after or 0.0)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            problem = error or type(error).__name__
            logger.warning("%s %s/%s: the API server cannot be reached: %s", self._kind, *key, problem)
        except Exception:
            # One object that trips over a defect of ours must not stop the others.
            logger.exception("%s %s/%s: the pass failed", self._kind, *key)
        return FollowUp(settled=False)

    def _follow(self, key: Key, follow_up: FollowUp) -> None:
        if not follow_up.settled:
            self._queue.retry(key, follow_up.asked)
            return
        self._queue.succeeded(key)
        if follow_up.again is not None:
            self._queue.add_after(key, follow_up.again)
