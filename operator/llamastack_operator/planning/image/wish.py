"""The build to ask for where none will do, and why."""

from __future__ import annotations

from collections.abc import Sequence

from llamastack_contract.layer import Layer
from llamastack_operator.api.build import strategy_of
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.access import access_of, access_token
from llamastack_operator.planning.image.inputs import WantedBuild, inputs_of, to_wire
from llamastack_operator.planning.image.match import last_build
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.image.refresh import Token
from llamastack_operator.planning.install.key import key_name
from llamastack_operator.planning.install.why_build import Change, ChangeKind, build_required
from llamastack_operator.planning.stack.image_verdict import BuildWish


def wish_for(question: ImageQuestion, layer: Layer, wanted: WantedBuild, done: Sequence[BuildRecord] = ()) -> BuildWish:
    """Return the build to ask for, with the reasons why it is needed.

    Args:
        question: the question to decide.
        layer: the layer.
        wanted: its inputs.
        done: the builds of the layers below it, in their order.
    """
    last = last_build(question, layer.kind)
    changes = build_required(inputs_of(last) if last is not None else None, wanted.inputs)
    settings, strategy = question.spec.build, strategy_of(question.spec.build)
    repository = settings.repository if settings is not None and strategy == "Image" else None
    spec = {
        "key": wanted.key,
        "strategy": strategy,
        "inputs": to_wire(wanted, repository),
        "reasons": [change.text[:512] for change in changes][:16] or ["the last build failed, or is gone"],
        "access": access_of(question.spec.build).to_wire(),
    }
    follows = bool(done) and done[-1].spec.cause == "Refresh"
    if _can_wait(last, wanted, changes, follows) if last else follows and question.current == done[-1].key[1]:
        spec["cause"] = "Refresh"
    return BuildWish(f"{layer.kind}-{key_name(wanted.key)}-{access_token(question)}", spec)


def _can_wait(last: BuildRecord, wanted: WantedBuild, changes: Sequence[Change], follows: bool) -> bool:
    """Tell whether nothing but an interval that went by asks for a build.

    Args:
        last: the build of the layer before.
        wanted: what is wanted now.
        changes: what differs.
        follows: whether the layer below was built for an interval, and so has another digest.
    """
    kinds = {change.kind for change in changes} - {ChangeKind.RECIPE, *([ChangeKind.BASE] if follows else [])}
    before, after = (Token.parse(inputs.refresh or "") for inputs in (last.spec.inputs, wanted.inputs))
    return kinds == {ChangeKind.REFRESH} and after.follows(before)
