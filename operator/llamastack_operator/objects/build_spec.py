"""What is kept of the spec of a LlamaStackBuild: its inputs, of which the layers are passed on as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_contract.build_json import PipSettings
from llamastack_operator.objects.wire import mapping, mappings, number, text, texts


@dataclass(frozen=True, slots=True)
class RecordedLayer:
    """The layer that a build makes.

    Attributes:
        kind: stack or modules.
        root: the folder that it is installed into.
        wire: the whole of it, as the build's programs read it.
    """

    kind: str
    root: str
    wire: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedInputs:
    """What decides the result of a build, as its LlamaStackBuild holds it.

    Attributes:
        base: the base image.
        base_digest: the digest that it is pinned to, or None.
        layer: what is installed.
        earlier: the layers that are installed before it in the same pod, in wire form.
        earlier_builds: the names of the builds that locked those.
        pip: where packages come from.
        repository: where the image goes; None where none is pushed.
        platform: such as linux/amd64; None for the node's own.
        recipe: the version of the way in which it is made.
        refresh: a token that asks for a fresh look at tags and versions, or None.
        image_key: the key without that token; None where it was not recorded.
        labels: labels of the image.
    """

    base: str
    base_digest: str | None
    layer: RecordedLayer
    earlier: tuple[Mapping[str, Any], ...]
    earlier_builds: tuple[str, ...]
    pip: PipSettings
    repository: str | None
    platform: str | None
    recipe: int
    refresh: str | None
    image_key: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """The spec of a LlamaStackBuild.

    Attributes:
        key: the hash of the inputs.
        strategy: Image or Start.
        inputs: what decides its result.
        access: what it needs to reach, in wire form; the API's model reads it where a Job is made.
        cause: Refresh where an interval alone asked for it; else empty.
    """

    key: str
    strategy: str
    inputs: RecordedInputs
    access: Mapping[str, Any]
    cause: str = ""

    @property
    def pushes(self) -> bool:
        """Whether the result is an image."""
        return self.strategy == "Image"


def build_spec(wire: Any) -> BuildSpec:
    """Return what is kept of the spec of a LlamaStackBuild of the API, whatever it holds."""
    spec = mapping(wire)
    return BuildSpec(
        key=text(spec.get("key")) or "",
        strategy=text(spec.get("strategy")) or "",
        inputs=_inputs(mapping(spec.get("inputs"))),
        access=mapping(spec.get("access")),
        cause=text(spec.get("cause")) or "",
    )


def _inputs(inputs: Mapping[str, Any]) -> RecordedInputs:
    base, layer, pip = (mapping(inputs.get(name)) for name in ("base", "layer", "pip"))
    return RecordedInputs(
        base=text(base.get("image")) or "",
        base_digest=text(base.get("digest")),
        layer=RecordedLayer(text(layer.get("kind")) or "", text(layer.get("root")) or "", layer),
        earlier=mappings(inputs.get("earlier")),
        earlier_builds=texts(inputs.get("earlierBuilds")),
        pip=PipSettings(
            indexes=texts(pip.get("indexes")),
            source_distributions=pip.get("sourceDistributions") is True,
            named=mapping(pip.get("namedIndexes")),
        ),
        repository=text(inputs.get("repository")),
        platform=text(inputs.get("platform")),
        recipe=number(inputs.get("recipe")) or 0,
        refresh=text(inputs.get("refresh")),
        image_key=text(inputs.get("imageKey")),
        labels=mapping(inputs.get("labels")),
    )
