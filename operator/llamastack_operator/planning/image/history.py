"""Which builds a stack lets go of. Pure.

What it runs or waits for stays; of the others the newest few do, as the spec says. A build that is not wanted any
more before it is done is let go of at once, which ends it where nobody else wants it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from llamastack_operator.api.build import BuildSettings
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.snapshot import Snapshot

DEFAULT_LIMIT = 2
RERUN_INTERVAL = timedelta(hours=1)
"""How long nothing is made again that was."""


def let_go(
    builds: Iterable[BuildRecord], uid: str, wanted: set[str], settings: BuildSettings | None, settled: bool
) -> list[BuildRecord]:
    """Return the builds that a stack lets go of.

    Args:
        builds: the builds of its namespace.
        uid: the stack's UID.
        wanted: the names of those that it runs or waits for.
        settings: its build settings, with the limits.
        settled: whether no pod of an older generation can need an older build any more.
    """
    own = [build for build in builds if uid in build.owner_uids and build.key[1] not in wanted and not build.deleting]
    gone = [build for build in own if build.phase in ("Queued", "Building")]
    limits = settings or BuildSettings()
    gone += _beyond(own, "Failed", limits.failed_builds_history_limit)
    if settled:
        gone += _beyond(own, "Succeeded", limits.successful_builds_history_limit)
    return gone


def _beyond(own: list[BuildRecord], phase: str, limit: int | None) -> list[BuildRecord]:
    ended = sorted((build for build in own if build.phase == phase), key=lambda build: (build.created, build.key))
    keep = DEFAULT_LIMIT if limit is None else limit
    return ended[: len(ended) - keep] if len(ended) > keep else []


def lost_image(snapshot: Snapshot, builds: Iterable[BuildRecord], now: datetime) -> BuildRecord | None:
    """Return the build whose image pods cannot pull because its registry has it no more, to be made again.

    A kubelet tries a pull again within five minutes, so what is still not found later was not helped by that, and a
    person has to look; but a registry may be wiped twice.
    """
    runtime = snapshot.image.runtime if snapshot.image else None
    if runtime is None or not any(_cannot_find(pod, runtime.image) for pod in snapshot.pods):
        return None
    made = next((build for build in builds if build.status.image == runtime.image), None)
    finished = made.status.finished_at if made is not None else None
    if made is None or finished is None or made.phase != "Succeeded" or made.rerun == finished:
        return None
    since = now - datetime.fromisoformat(finished)
    return None if made.rerun and since < RERUN_INTERVAL else made


def _cannot_find(pod: Pod, image: str) -> bool:
    waiting = [container.waiting for container in pod.containers if container.waiting is not None]
    return any(
        reason in ("ErrImagePull", "ImagePullBackOff") and image in message and "not found" in message.lower()
        for reason, message in waiting
    )
