"""The build to ask for where none will do, and why."""

from __future__ import annotations

from llamastack_contract.layer import Layer
from llamastack_operator.api.build import strategy_of
from llamastack_operator.planning.image.access import access_of, access_token
from llamastack_operator.planning.image.inputs import WantedBuild, inputs_of, to_wire
from llamastack_operator.planning.image.match import last_build
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.install.key import key_name
from llamastack_operator.planning.install.why_build import build_required
from llamastack_operator.planning.stack.image_verdict import BuildWish


def wish_for(question: ImageQuestion, layer: Layer, wanted: WantedBuild) -> BuildWish:
    """Return the build to ask for, with the reasons why it is needed."""
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
    return BuildWish(f"{layer.kind}-{key_name(wanted.key)}-{access_token(question)}", spec)
