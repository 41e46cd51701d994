"""What the status keeps of a stack's image: the newest of its own pods decides which digest that is, and what is known.

A tag that was moved shows as soon as a pod of it runs: what another digest brought is not known any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_operator.objects.pods import Pod, StartCheck, digest_of
from llamastack_operator.planning.stack.known_image import ImageReport, kept_report, names_its_release, release_text
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import speaks_of_newest

_Run = tuple[Pod, StartCheck]


def image_report(snapshot: Snapshot, applied: bool) -> ImageReport | None:
    """Return what is known of the image that a stack's spec names; None where its own pods have told nothing of it.

    Args:
        snapshot: the stack and its objects, as they are after the pass.
        applied: whether its Deployment is that of the spec as it is now.
    """
    spec, kept = snapshot.stack.spec, kept_report(snapshot.stack.status)
    if spec is None:
        return kept
    image = spec.distribution.image
    if image is None or names_its_release(image):
        return None
    runs = [(pod, pod.check) for pod in snapshot.pods if pod.check is not None and _is_of(pod.check, image)]
    if not runs:
        return kept
    digest = _newest(runs, snapshot).digest
    same = kept if kept is not None and kept.digest == digest else None
    last = _last_told(runs, digest)
    if last is None:
        return same
    pod, check, release = last
    started = _started(pod, snapshot) if applied else ""
    specs = check.report.specs if check.report is not None else ""
    return ImageReport(image, digest, release, specs, started or (same.inputs if same is not None else ""))


def _is_of(check: StartCheck, image: str) -> bool:
    """Tell whether a check ran in an image that a spec names: by the same name, or by the digest in it."""
    return bool(check.digest) and (check.asked == image or check.digest == digest_of(image))


def _newest(runs: Sequence[_Run], snapshot: Snapshot) -> StartCheck:
    """Return the check of the newest pod; of those of one second, of the newest revision."""
    revision = snapshot.deployment.revision if snapshot.deployment is not None else ""
    return max(runs, key=lambda run: (run[0].created, run[0].revision == revision, run[0].key))[1]


def _last_told(runs: Sequence[_Run], digest: str) -> tuple[Pod, StartCheck, str] | None:
    """Return the check in an image that finished last of those that found a release, and that release."""
    told = [
        (check.finished, pod.created, pod.key, (pod, check, release))
        for pod, check in runs
        if check.digest == digest and check.report is not None and (release := release_text(check.report.release))
    ]
    return max(told, key=lambda one: one[:3])[3] if told else None


def _started(pod: Pod, snapshot: Snapshot) -> str:
    """Return the inputs that a pod has started with: those of now, where it is of the newest revision of just these."""
    deployment = snapshot.deployment
    newest = deployment is not None and pod.revision == deployment.revision and speaks_of_newest(snapshot)
    return snapshot.facts.reading.digest if newest else ""
