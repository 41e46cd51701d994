"""What is left of earlier tries, to be deleted. Pure.

The last two tries stay, for whoever wants to read their logs; all others would only pile up, here and in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

from llamastack_operator.objects.build_config_map import BuildConfigMap
from llamastack_operator.objects.builds import BuildJob, BuildRecord

KEPT_TRIES = 2
"""How many tries of a build leave their Job, pod and ConfigMap."""
MOST = 10
"""Most objects that one pass deletes: an earlier operator may have left hundreds."""


def left_behind[T: (BuildJob, BuildConfigMap)](build: BuildRecord, objects: Iterable[T]) -> list[T]:
    """Return the objects of tries of a build that are older than those that stay, the oldest first.

    Args:
        build: the build.
        objects: what is known of its objects, of one kind.
    """
    last = (build.status.attempts or 0) - KEPT_TRIES
    old = [
        (one.attempt, one)
        for one in objects
        if one.build_uid == build.uid and not one.deleting and one.attempt is not None and one.attempt <= last
    ]
    return [one for _, one in sorted(old, key=lambda entry: entry[0])][:MOST]
