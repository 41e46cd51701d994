"""Which inputs the build of a layer has, and how a LlamaStackBuild holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llamastack_contract.build_json import PipSettings
from llamastack_contract.layer import Layer
from llamastack_operator.api.build import BuildSettings, strategy_of
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.install.key import BuildInputs, build_key
from llamastack_operator.workloads.settings import ImageSettings


@dataclass(frozen=True, slots=True)
class WantedBuild:
    """The build that a layer wants.

    Attributes:
        key: the hash of its inputs.
        inputs: what decides its result.
        earlier: the names of the builds whose layers are installed before it in the same pod (strategy Start).
    """

    key: str
    inputs: BuildInputs
    earlier: tuple[str, ...]


def wanted_inputs(
    question: ImageQuestion, layer: Layer, done: Sequence[BuildRecord], settings: ImageSettings
) -> WantedBuild:
    """Return the build that a layer wants, upon those of the layers below it.

    Args:
        question: the question to decide.
        layer: the layer.
        done: the builds of the layers below it, in their order.
        settings: the operator's settings.
    """
    build = question.spec.build or BuildSettings()
    strategy = strategy_of(question.spec.build)
    base, base_pin = question.spec.distribution.image or settings.python, None
    earlier: tuple[Layer, ...] = ()
    if done and strategy == "Image":
        base = done[-1].status.image or ""
    elif done:
        base = done[0].spec.inputs.base
        earlier = tuple(Layer.from_dict(one.spec.inputs.layer.wire) for one in done)
    if "@" in base:
        base_pin = base.rpartition("@")[2]
    inputs = BuildInputs(
        base=base,
        layer=layer,
        earlier=earlier,
        pip=_pip(build, settings),
        base_digest=base_pin,
        refresh=question.refresh or None,
    )
    return WantedBuild(build_key(inputs), inputs, tuple(one.key[1] for one in done) if strategy == "Start" else ())


def to_wire(wanted: WantedBuild, repository: str | None) -> dict[str, Any]:
    """Return the inputs as a LlamaStackBuild holds them: in the order in which pip is to see them."""
    return {
        **wanted.inputs.to_dict(),
        "layer": wanted.inputs.layer.to_dict(),
        "earlier": [layer.to_dict() for layer in wanted.inputs.earlier],
        "earlierBuilds": list(wanted.earlier),
        "repository": repository,
        "imageKey": build_key(replace(wanted.inputs, refresh=None)),
    }


def inputs_of(build: BuildRecord) -> BuildInputs:
    """Return the inputs that a LlamaStackBuild holds."""
    inputs = build.spec.inputs
    return BuildInputs(
        base=inputs.base,
        layer=Layer.from_dict(inputs.layer.wire),
        earlier=tuple(Layer.from_dict(layer) for layer in inputs.earlier),
        pip=inputs.pip,
        base_digest=inputs.base_digest,
        platform=inputs.platform,
        recipe=inputs.recipe,
        refresh=inputs.refresh,
    )


def _pip(build: BuildSettings, settings: ImageSettings) -> PipSettings:
    pip = build.pip
    first = (pip and pip.index_url) or settings.index or ""
    extra = (pip and pip.extra_index_urls) or []
    return PipSettings(
        # An empty first one is pip's own default: further indexes are asked beside it.
        indexes=(first, *extra) if first or extra else (),
        source_distributions=bool(pip and pip.allow_source_distributions),
        named=dict(settings.named_indexes),
    )
