"""Decides what the pods of a stack run, and which builds that takes. Pure.

A stack whose image has all it needs runs it as it is. Else each layer of its install plan is one build: what a
`LlamaStackBuild` of the same inputs made is used, whoever asked for it first; a tag in a registry proves nothing.
Until the newest image exists, nothing of what runs is touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.build.reasons import BuildReason
from llamastack_operator.planning.image.inputs import wanted_inputs
from llamastack_operator.planning.image.match import build_to_use
from llamastack_operator.planning.image.outcome import as_it_is, finished, unfinished
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.image.wish import wish_for
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.image_verdict import BuildWish, ImageVerdict
from llamastack_operator.workloads.settings import ImageSettings


def decide_image(question: ImageQuestion, settings: ImageSettings) -> ImageVerdict:
    """Return how the image of a stack stands, and which builds it takes.

    Before entries that a variable may bring back were planned for, images were built without them. Such an image is
    kept while its stack stays as it is: an upgrade of the operator alone rebuilds nothing.
    """
    least = question.plan.least
    if question.unchanged and least is not None:
        kept = _decide(replace(question, plan=replace(question.plan, layers=least)), settings)
        if kept.ready and kept.current == question.current:
            return kept
    return _decide(question, settings)


def _decide(question: ImageQuestion, settings: ImageSettings) -> ImageVerdict:
    plan, spec = question.plan, question.spec
    if not plan.layers:
        return as_it_is(spec)
    if not settings.operator:
        hint = "set --operator-image, which the chart does, or name an image that has the modules"
        message = "this operator was not told its own image, and cannot build without it"
        return ImageVerdict(False, BuildReason.BUILD_FAILED, message, hint, stalled=True)
    done: list[BuildRecord] = []
    wishes: list[BuildWish] = []
    for layer in plan.layers:
        wanted = wanted_inputs(question, layer, done, settings)
        build = build_to_use(question, layer, wanted)
        if build is None:
            wish = wish_for(question, layer, wanted, done)
            waits = ImageVerdict(False, ImageReason.QUEUED, f"the build {wish.name} is asked for", current=wish.name)
            return _with(waits, [*wishes, wish])
        wishes.append(BuildWish(build.key[1], {}))
        if build.phase != "Succeeded":
            return _with(unfinished(build, plan), wishes)
        done.append(build)
    return _with(finished(question, done, settings), wishes)


def _with(verdict: ImageVerdict, wishes: Iterable[BuildWish]) -> ImageVerdict:
    return replace(verdict, wishes=tuple(wishes))
