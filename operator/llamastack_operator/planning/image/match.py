"""Which of the builds there are will do for a layer."""

from __future__ import annotations

from dataclasses import replace

from llamastack_contract.layer import Layer
from llamastack_operator.api.build import strategy_of
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.access import access_token
from llamastack_operator.planning.image.inputs import WantedBuild, inputs_of
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.install.key import BuildInputs
from llamastack_operator.planning.install.why_build import build_required

_PREFERENCE = {"Succeeded": 0, "Building": 1, "Queued": 2, "Failed": 3}


def build_to_use(question: ImageQuestion, layer: Layer, wanted: WantedBuild) -> BuildRecord | None:
    """Return the build to use: one of the same inputs, or the one in use where only the operator's part differs."""
    access = access_token(question)
    same = [build for build in question.builds if _fits(question, build, wanted)]
    usable = [build for build in same if build.phase != "Failed" or build.key[1].endswith(f"-{access}")]
    if usable:
        return min(usable, key=lambda build: (_PREFERENCE.get(build.phase, 9), build.created, build.key))
    last = last_build(question, layer.kind)
    if last is None or last.deleting or last.phase != "Succeeded" or not _goes_to(question, last):
        return None
    inputs = inputs_of(last)
    if question.unchanged:
        named_base = question.spec.distribution.image is not None
        inputs = _with_the_operators_part(inputs, wanted.inputs, named_base)
    return None if build_required(inputs, wanted.inputs) else last


def _fits(question: ImageQuestion, build: BuildRecord, wanted: WantedBuild) -> bool:
    return build.inputs_key == wanted.key and not build.deleting and _goes_to(question, build)


def _goes_to(question: ImageQuestion, build: BuildRecord) -> bool:
    settings = question.spec.build
    strategy = strategy_of(settings)
    repository = settings.repository if settings is not None and strategy == "Image" else None
    return build.spec.strategy == strategy and build.spec.inputs.repository == repository


def last_build(question: ImageQuestion, kind: str) -> BuildRecord | None:
    """Return the build of a kind that the stack used last: the one that its status names, or that one's base."""
    named = next((build for build in question.builds if build.key[1] == question.current), None)
    if named is None or named.spec.inputs.layer.kind == kind:
        return named
    inputs = named.spec.inputs
    return next(
        (
            build
            for build in question.builds
            if build.spec.inputs.layer.kind == kind
            and (build.status.image == inputs.base or build.key[1] in inputs.earlier_builds)
        ),
        None,
    )


def _with_the_operators_part(last: BuildInputs, wanted: BuildInputs, named_base: bool) -> BuildInputs:
    """Return inputs with what the operator itself decides taken from others: its upgrade alone rebuilds nothing."""
    layer = last.layer if last.layer.kind == "modules" else replace(last.layer, constraints=wanted.layer.constraints)
    base = last.base if named_base or last.layer.kind == "modules" else wanted.base
    return replace(last, layer=layer, base=base, recipe=wanted.recipe, pip=wanted.pip)
