"""How the image stands: nothing is to be built, a build goes on or failed, or all are done and pods can run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from llamastack_contract.paths import packages_of
from llamastack_operator.api.build import BuildSettings, strategy_of
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.build_status import BuildStatus, RecordedFailure, RecordedModule
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.build.reasons import FAILURES, BuildReason
from llamastack_operator.planning.image.access import pull_secret_of
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.stack import release_of
from llamastack_operator.workloads.names import lock_name
from llamastack_operator.workloads.runtime import Runtime, StartInstall
from llamastack_operator.workloads.settings import ImageSettings

_LONG = timedelta(days=1)
_UNTOLD = RecordedFailure(BuildReason.BUILD_FAILED, "the build failed", hint="", step="", retry=False, tail=())


def as_it_is(spec: LlamaStackSpec) -> ImageVerdict:
    """Return the verdict for a stack that needs nothing installed."""
    image = spec.distribution.image or ""
    runtime = Runtime(image=image, release=release_of(spec), pull_secret=pull_secret_of(spec.build))
    return ImageVerdict(True, ImageReason.PREBUILT, f"{image} has all that the stack needs", runtime=runtime)


def unfinished(build: BuildRecord, plan: InstallPlan) -> ImageVerdict:
    """Return the verdict where a build goes on, or failed.

    Args:
        build: the build.
        plan: what is to be installed, with the places where it is asked for.
    """
    name, step = build.key[1], build.status.step
    if build.phase == "Failed":
        return _failed(build, plan)
    if build.phase == "Building":
        return ImageVerdict(False, ImageReason.BUILDING, f"{step or 'starting'} (build {name})", current=name)
    failure = build.status.failure
    before = f", after a try that failed: {failure.message}" if failure is not None else ""
    return ImageVerdict(False, ImageReason.QUEUED, f"the build {name} waits for its turn{before}", current=name)


def _failed(build: BuildRecord, plan: InstallPlan) -> ImageVerdict:
    failure = build.status.failure or _UNTOLD
    reason = FAILURES.get(failure.reason, BuildReason.BUILD_FAILED)
    again, lasts = build.status.next_attempt_at, fails_for_long(build.status)
    since = f", since {build.status.failing_since} none succeeded" if lasts else ""
    when = f"; try {build.status.tries} failed{since}, the next is at {again}" if again else ""
    # What a build of the stack layer is about, the release alone asks for.
    places = plan.places_of(failure.concerns) if _kind(build) == "modules" else ()
    message = f"{_where(places)}{failure.message or _UNTOLD.message}{when} (build {build.key[1]})"
    stalled = not again or lasts
    return ImageVerdict(False, reason, message, failure.hint, stalled=stalled, current=build.key[1], places=places)


def fails_for_long(status: BuildStatus) -> bool:
    """Tell whether tries have failed for so long that somebody should look, though there will be further ones."""
    began, ended = status.failing_since, status.finished_at
    if began is None or ended is None:
        return False
    return datetime.fromisoformat(ended) - datetime.fromisoformat(began) >= _LONG


def _where(places: Sequence[str]) -> str:
    """Return places as a message begins with them: `spec.a (also spec.b): `."""
    if not places:
        return ""
    others = f" (also {', '.join(places[1:])})" if len(places) > 1 else ""
    return f"{places[0]}{others}: "


def finished(question: ImageQuestion, done: Sequence[BuildRecord], settings: ImageSettings) -> ImageVerdict:
    """Return the verdict where all builds, one for each layer, are done."""
    last, modules = done[-1], _modules(done)
    spec = question.spec
    if strategy_of(spec.build) == "Image":
        runtime = Runtime(
            image=last.status.image or "",
            release=release_of(spec),
            architecture=_architecture(last),
            pull_secret=pull_secret_of(spec.build),
        )
        message = f"built as {last.status.image}"
        return ImageVerdict(
            True, ImageReason.UP_TO_DATE, message, runtime=runtime, current=last.key[1], modules=modules
        )
    install = StartInstall(
        lock=lock_name(last.key[1], last.status.lock_digest),
        packages=tuple(_site_packages(one) for one in reversed(done) if _kind(one) == "modules"),
        programs=tuple(f"{one.spec.inputs.layer.root}/bin" for one in done if _kind(one) == "stack"),
        settings=spec.build or BuildSettings(),
        operator=last.status.operator_image or settings.operator,
        digest=last.status.lock_digest,
    )
    runtime = Runtime(
        # What was locked is for the base that it was locked on, not for the one of a newer operator.
        image=spec.distribution.image or done[0].spec.inputs.base,
        release=release_of(spec),
        architecture=_architecture(last),
        install=install,
        pull_secret=pull_secret_of(spec.build),
    )
    count = sum(one.status.installed or 0 for one in done)
    message = f"{count} packages are locked; each pod installs them at its start, for want of build.repository"
    if spec.build is not None and spec.build.repository is not None:
        message = f"{count} packages are locked; each pod installs them at its start, as spec.build.strategy asks for"
    return ImageVerdict(
        True, ImageReason.INSTALLED_AT_START, message, runtime=runtime, current=last.key[1], modules=modules
    )


def _kind(build: BuildRecord) -> str:
    return build.spec.inputs.layer.kind


def _site_packages(build: BuildRecord) -> str:
    return f"{build.spec.inputs.layer.root}/{packages_of(build.status.python or '3')}"


def _architecture(build: BuildRecord) -> str | None:
    return (build.status.platform or "").partition("/")[2].partition("/")[0] or None


def _modules(done: Iterable[BuildRecord]) -> tuple[RecordedModule, ...]:
    return tuple(module for build in done for module in build.status.modules)
