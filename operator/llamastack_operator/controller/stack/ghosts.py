"""When a pass has to ask whether its stack is still there.

The delete of a stack reaches the operator by the watch, and is made up for after a list (`kube/told.py`); until then
the stack is a ghost. What is made for a ghost is collected at once, and would be made again without end. So whatever a
ghost would bring about is either asked before, or ends with a write of the status, which the API server refuses.
"""

from __future__ import annotations

from llamastack_operator.kube.cache import Cache
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.stack.plan import Plan
from llamastack_operator.planning.stack.snapshot import Snapshot


class GhostError(Exception):
    """The stack of a pass is gone."""


class UnfoundError(Exception):
    """The API server has no such stack for a status; whether it is gone has to be asked."""


def may_be_ghost(snapshot: Snapshot, decided: Plan, builds: Cache[BuildRecord]) -> bool:
    """Tell whether something was lost that the garbage collector takes with a stack, or a build would be made.

    A pass of a stack at rest, a usual edit and the first pass of a new stack ask for nothing: the first two have lost
    nothing, and the last one writes a status.

    Args:
        snapshot: what the pass found.
        decided: what it is to do.
        builds: the known builds.
    """
    stack = snapshot.stack
    for wish in decided.builds:
        build = builds.get((stack.key[0], wish.name))
        if build is None and wish.spec:
            return True
        if build is not None and stack.uid not in build.owner_uids:
            return True
    # Of each kind, not each object: an edit of the run config makes a ConfigMap of another name.
    have = {child.resource.kind for child in snapshot.children}
    return bool(stack.status) and any(item.resource.kind not in have for item in decided.desired or ())
