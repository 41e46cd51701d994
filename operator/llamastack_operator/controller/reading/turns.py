"""Whose turn it is: stacks that wait to be read, in turns by namespace, so that none makes another one wait long.

A namespace never has all readers, where there is more than one; and of a stack that is edited while it waits, only what
it is now is read.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from llamastack_operator.objects.child import Key


class Turns[Job]:
    """What waits, and what is being worked on.

    Args:
        readers: how many work side by side.
    """

    def __init__(self, readers: int) -> None:
        self._share = max(1, readers - 1)
        self._waiting: OrderedDict[str, OrderedDict[Key, Job]] = OrderedDict()
        self._working: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, key: Key, job: Job) -> None:
        """Let a stack wait for its turn, in the place that it has already where it waits."""
        self._waiting.setdefault(key[0], OrderedDict())[key] = job

    def remove(self, key: Key) -> None:
        """Let a stack wait no more."""
        jobs = self._waiting.get(key[0], OrderedDict())
        jobs.pop(key, None)
        if not jobs:
            self._waiting.pop(key[0], None)

    def take(self) -> tuple[Key, Job] | None:
        """Return the job whose turn it is, None where there is none; `done` has to follow."""
        namespace = next((name for name in self._waiting if self._working[name] < self._share), None)
        if namespace is None:
            return None
        jobs = self._waiting.pop(namespace)
        found = jobs.popitem(last=False)
        if jobs:
            self._waiting[namespace] = jobs
        self._working[namespace] += 1
        return found

    def done(self, key: Key) -> None:
        """Say that a job that was taken is no longer worked on."""
        self._working[key[0]] -= 1
        if not self._working[key[0]]:
            del self._working[key[0]]
