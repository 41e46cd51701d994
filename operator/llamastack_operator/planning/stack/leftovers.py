"""What an earlier stack of the same name left behind: it goes with its owner, a moment after the owner went."""

from __future__ import annotations

from datetime import datetime, timedelta

from llamastack_operator.planning.stack.stack import Stack

PATIENCE = timedelta(seconds=60)
"""For how long a new stack waits; what is still there then was orphaned, or is held by something."""


def may_wait(stack: Stack, now: datetime) -> bool:
    """Tell whether a stack is so new that what an earlier one of its name left may be on its way out.

    Args:
        stack: the stack.
        now: the time of the pass.
    """
    return bool(stack.created) and now - datetime.fromisoformat(stack.created) < PATIENCE
