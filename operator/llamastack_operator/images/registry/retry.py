"""When a request is worth another try, and how long to wait before it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import SSLError

from llamastack_operator.images.registry.errors import StatusError

_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_ASKED = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how long to wait; by default about 40 seconds in all, the time that a registry takes to restart.

    Attributes:
        attempts: most tries of one request.
        first: seconds before the second try; each further wait is twice as long, less up to a quarter by chance.
        most: longest wait in seconds.
        sleep: what waits.
    """

    attempts: int = 8
    first: float = 0.3
    most: float = 20.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int, error: Exception) -> None:
        """Wait after a failure, as long as the server asked for (Retry-After) where that is longer.

        Args:
            failures: how many there were in a row, at least 1.
            error: the last one.
        """
        seconds = min(self.most, self.first * 2 ** (failures - 1)) * random.uniform(0.75, 1)  # noqa: S311 - no secret
        asked = error.retry_after if isinstance(error, StatusError) else None
        self.sleep(max(seconds, min(asked or 0, _MOST_ASKED)))


def is_transient(error: Exception) -> bool:
    """Say whether the same request can succeed later: an overloaded server or a broken connection, but no TLS error."""
    if isinstance(error, StatusError):
        return error.status in _STATUSES
    return isinstance(error, urllib3.exceptions.HTTPError) and not isinstance(error, SSLError)
