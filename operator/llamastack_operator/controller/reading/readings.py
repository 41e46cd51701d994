"""What is said of each stack, and what it asks for, as far as that is known; what is not known is asked for, and told
once it is.

A pass never waits for an answer: it ends, and the stack has another one when it was read. Answers are shared by their
questions: a thousand stacks with one run config are read once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import aiohttp

from llamastack_operator.controller.reading.reader import DefectError, ExceededError, Reader
from llamastack_operator.controller.reading.turns import Turns
from llamastack_operator.kube.client import ApiError
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.reading.answer import NOTHING_ANSWERED, Answer
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.known_image import known_image
from llamastack_operator.planning.stack.reading import exceeded_reading, unread

READERS = 2
"""How many processes read side by side."""
_IDLE = 60.0
"""Seconds after which a process that has nothing to read ends."""
_RETRY = 30.0
"""Seconds after which is asked again what failed for a fault of ours, or of the machine."""

logger = logging.getLogger(__name__)


class Readings:
    """Knows answers, and has them made.

    Args:
        notice: called with the key of a stack when its answer is there.
        readers: what reads; one process each.
        with_texts: reads the texts of a stack, which are not kept while it waits; None to keep them.
    """

    def __init__(
        self,
        notice: Callable[[Key], None],
        readers: int = READERS,
        with_texts: Callable[[StackFacts], Awaitable[StackFacts]] | None = None,
    ) -> None:
        self._notice = notice
        self._readers = [Reader() for _ in range(readers)]
        self._turns: Turns[StackFacts] = Turns(readers)
        self._with_texts = with_texts
        self._changed = asyncio.Event()
        # Of each stack: what tells its inputs from earlier ones, and the key of the question they make.
        self._asked: dict[Key, tuple[tuple[Any, ...], str]] = {}
        self._known: dict[str, Answer] = {}
        self._holders: Counter[str] = Counter()
        self._exceeded: set[str] = set()
        # When a question failed for a fault that is not its own.
        self._failed: dict[str, float] = {}

    def knows(self, facts: StackFacts) -> bool:
        """Tell whether the reading of a stack is there, so that no text is needed to ask for it."""
        asked = self._asked.get(facts.stack.key)
        if asked is None or asked[0] != _identity(facts):
            return False
        return asked[1] in self._known and not self._is_to_be_retried(asked[1])

    def of(self, facts: StackFacts) -> Answer | None:
        """Return the answer about a stack; None where that is yet to be read, and its key will be noticed."""
        key, identity = facts.stack.key, _identity(facts)
        asked = self._asked.get(key)
        if asked is None or asked[0] != identity:
            question = question_of(facts)
            if question is None:
                self.forget(key)
                return NOTHING_ANSWERED
            asked = (identity, question.key)
            self._hold(key, asked)
        known = self._known.get(asked[1])
        if known is None or self._is_to_be_retried(asked[1]):
            self._wait_for_turn(key, facts)
            self._changed.set()
            return None
        return known

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self._turns.remove(key)
        asked = self._asked.pop(key, None)
        if asked is not None:
            self._release(asked[1])

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that have stacks read."""
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
        if asked[1] not in self._known or self._is_to_be_retried(asked[1]):
            question = await self._question(facts)
            if self._asked.get(key) is not asked:
                return
            if question is not None and not await self._answered(reader, self._held(key, asked, question)):
                self._wait_for_turn(key, facts)
                return
        self._notice(key)

    def _wait_for_turn(self, key: Key, facts: StackFacts) -> None:
        """Let a stack wait: without texts, for many wait at a start."""
        self._turns.add(key, facts if self._with_texts is None else facts.without_texts())

    async def _question(self, facts: StackFacts) -> ReadingQuestion | None:
        """Return the question of a stack; None where it cannot be asked now, which another pass finds out."""
        if self._with_texts is not None:
            try:
                facts = await self._with_texts(facts)
            except (ApiError, OSError, TimeoutError, aiohttp.ClientError) as error:
                logger.info("the texts of a stack cannot be read: %s", error or type(error).__name__)
                return None
        return question_of(facts)

    def _held(self, key: Key, asked: tuple[tuple[Any, ...], str], question: ReadingQuestion) -> ReadingQuestion:
        """Return the question, which is another one where texts have changed before the watch tells of it."""
        if question.key != asked[1]:
            self._hold(key, (asked[0], question.key))
        return question

    async def _answered(self, reader: Reader, question: ReadingQuestion) -> bool:
        """Have a question answered; tell whether that is to be remembered. What exceeds a limit is tried twice: the
        machine may have been busy."""
        self._failed.pop(question.key, None)
        try:
            answer = await reader.read(question.text)
        except ExceededError as error:
            if question.key not in self._exceeded:
                self._exceeded.add(question.key)
                return False
            answer = Answer(exceeded_reading(question.digest, str(error)), None)
        except (DefectError, ValueError) as error:
            logger.error("a stack cannot be read, and is not judged: %s", error)
            answer = Answer(unread(question.digest), None)
            self._failed[question.key] = time.monotonic()
        self._exceeded.discard(question.key)
        if question.key in self._holders:
            self._known[question.key] = answer
        else:
            self._failed.pop(question.key, None)
        return True

    def _is_to_be_retried(self, question: str) -> bool:
        return question in self._failed and time.monotonic() - self._failed[question] > _RETRY

    def _hold(self, key: Key, asked: tuple[tuple[Any, ...], str]) -> None:
        before = self._asked.get(key)
        self._asked[key] = asked
        self._holders[asked[1]] += 1
        if before is not None:
            self._release(before[1])

    def _release(self, question: str) -> None:
        self._holders[question] -= 1
        if not self._holders[question]:
            del self._holders[question]
            self._known.pop(question, None)
            self._exceeded.discard(question)
            self._failed.pop(question, None)


def _identity(facts: StackFacts) -> tuple[Any, ...]:
    """Return what changes when a stack's question can: cheaper than the question."""
    stack, referred = facts.stack, facts.referred
    return (stack.uid, stack.generation, referred.digest, referred.secrets, known_image(stack))
