"""What happens to an object that cannot be read: it is passed over, and everything else goes on.

One object of one tenant must not stop the operator for all; a defect of ours in the reading of one kind of object would
do so at each start.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from llamastack_operator.objects.fields import UnreadableError

logger = logging.getLogger(__name__)


class Unreadable:
    """The objects of a kind that could not be read.

    Args:
        plural: the kind, as in the API's paths.

    Attributes:
        count: how often one was passed over.
    """

    def __init__(self, plural: str) -> None:
        self._plural = plural
        self.count = 0

    def read[T](self, body: Any, convert: Callable[[Any], T]) -> T | None:
        """Return what is kept of an object, or None after it was counted and logged, without anything of its text.

        Args:
            body: the object.
            convert: reads it.
        """
        try:
            return convert(body)
        except Exception as error:
            self.count += 1
            why = str(error) if isinstance(error, UnreadableError) else f"{type(error).__name__} at {_place(error)}"
            logger.warning("%s %s cannot be read and is passed over: %s", self._plural, _name(body), why)
            return None


def _name(body: Any) -> str:
    metadata = body.get("metadata") if isinstance(body, dict) else None
    names = [metadata.get(name) if isinstance(metadata, dict) else None for name in ("namespace", "name")]
    return "/".join(name[:253] if isinstance(name, str) and name.isascii() else "?" for name in names)


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"
