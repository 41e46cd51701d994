"""What the resolver says of each stack, as far as it is known; what is not known is asked for, and told once it is.

A pass never waits for a reading: it ends, and the stack has another one when it was read. Readings are shared by their
inputs: a thousand stacks with one run config are read once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from llamastack_operator.controller.reading.reader import DefectError, ExceededError, Reader
from llamastack_operator.controller.reading.turns import Turns
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.reading import NOTHING_READ, Reading, exceeded_reading, unread

READERS = 2
"""How many processes read side by side."""
_IDLE = 60.0
"""Seconds after which a process that has nothing to read ends."""

logger = logging.getLogger(__name__)


class Readings:
    """Knows readings, and has them made.

    Args:
        notice: called with the key of a stack when its reading is there.
        readers: what reads; one process each.
    """

    def __init__(self, notice: Callable[[Key], None], readers: int = READERS) -> None:
        self._notice = notice
        self._readers = [Reader() for _ in range(readers)]
        self._turns: Turns[StackFacts] = Turns(readers)
        self._changed = asyncio.Event()
        # Of each stack: what tells its inputs from earlier ones, and the digest of the question they make.
        self._asked: dict[Key, tuple[tuple[Any, ...], str]] = {}
        self._known: dict[str, Reading] = {}
        self._holders: Counter[str] = Counter()
        self._exceeded: set[str] = set()

    def of(self, facts: StackFacts) -> Reading | None:
        """Return what is said of a stack; None where that is yet to be read, and its key will be noticed."""
        key, identity = facts.stack.key, _identity(facts)
        asked = self._asked.get(key)
        if asked is None or asked[0] != identity:
            question = question_of(facts)
            if question is None:
                self.forget(key)
                return NOTHING_READ
            asked = (identity, question.digest)
            self._hold(key, asked)
        known = self._known.get(asked[1])
        if known is None:
            self._turns.add(key, facts)
            self._changed.set()
        return known

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self._turns.remove(key)
        asked = self._asked.pop(key, None)
        if asked is not None:
            self._release(asked[1])

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that have readings made."""
        for reader in self._readers:
            yield self._work(reader)

    async def _work(self, reader: Reader) -> None:
        try:
            while True:
                taken = self._turns.take()
                if taken is None:
                    await self._wait(reader)
                    continue
                key, facts = taken
                try:
                    await self._read(reader, key, facts)
                finally:
                    self._turns.done(key)
                    self._changed.set()
        finally:
            await reader.stop()

    async def _wait(self, reader: Reader) -> None:
        """Wait until something is to be read; a process that has waited long enough ends."""
        self._changed.clear()
        try:
            async with asyncio.timeout(_IDLE if reader.pid else None):
                await self._changed.wait()
        except TimeoutError:
            await reader.stop()

    async def _read(self, reader: Reader, key: Key, facts: StackFacts) -> None:
        asked = self._asked.get(key)
        if asked is None or asked[0] != _identity(facts):
            return  # It has changed since, and waits again, or is gone.
        digest = asked[1]
        if digest not in self._known:
            question = question_of(facts)
            if question is None or not await self._answered(reader, question, digest):
                self._turns.add(key, facts)
                return
        self._notice(key)

    async def _answered(self, reader: Reader, question: ReadingQuestion, digest: str) -> bool:
        """Have a question answered; tell whether that is to be remembered. What exceeds a limit is tried twice: the
        machine may have been busy."""
        try:
            reading = await reader.read(question.text)
        except ExceededError as error:
            if digest not in self._exceeded:
                self._exceeded.add(digest)
                return False
            reading = exceeded_reading(digest, str(error))
        except (DefectError, ValueError) as error:
            logger.error("a stack cannot be read, and is not judged: %s", error)
            reading = unread(digest)
        self._exceeded.discard(digest)
        if digest in self._holders:
            self._known[digest] = reading
        return True

    def _hold(self, key: Key, asked: tuple[tuple[Any, ...], str]) -> None:
        before = self._asked.get(key)
        self._asked[key] = asked
        self._holders[asked[1]] += 1
        if before is not None:
            self._release(before[1])

    def _release(self, digest: str) -> None:
        self._holders[digest] -= 1
        if not self._holders[digest]:
            del self._holders[digest]
            self._known.pop(digest, None)
            self._exceeded.discard(digest)


def _identity(facts: StackFacts) -> tuple[Any, ...]:
    """Return what changes when a stack's question can: cheaper than the question."""
    return (facts.stack.uid, facts.stack.generation, facts.referred.digest, facts.referred.secrets)
