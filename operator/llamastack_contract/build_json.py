"""`build.json`: what the programs of a build, and of pods that install at their start, are told.

The operator writes it into a ConfigMap, `llamastack build` into a folder. It never holds a credential. A layer's
requirements are a tenant's words: who hands them to pip refuses what could be an option.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, cast

from llamastack_contract.layer import Layer
from llamastack_contract.printed import digest_of
from llamastack_contract.shape import DIGEST, Members, ShapeError

FORMAT = 1
DIGEST_OPTION = "--inputs-digest"
"""The option by which the programs that read the document are told its digest."""
FORGED_HINT = "find out who may write ConfigMaps in this namespace"
"""What to do where it is another one."""
Strategy = Literal["Image", "Start"]
_KEY = re.compile(r"[0-9a-f]{8,64}")
_REFERENCE_LIMIT = 4096


@dataclass(frozen=True)
class BaseImage:
    """The image that a build starts from.

    Attributes:
        image: as it was asked for.
        digest: what it is pinned to; None for what its tag leads to.
    """

    image: str
    digest: str | None = None


@dataclass(frozen=True)
class PipSettings:
    """Where packages come from.

    Attributes:
        indexes: addresses of simple indexes, the first in place of pip's default; empty for pip's own default, as an
            empty first address is.
        source_distributions: whether packages may be built from source.
        named: addresses of the indexes that `${index.NAME}` in specs stands for.
    """

    indexes: tuple[str, ...] = ()
    source_distributions: bool = False
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many indexes there are: pip's default one, where none is named."""
        return len(self.indexes) or 1

    @classmethod
    def from_dict(cls, data: object, place: str = "pip") -> PipSettings:
        """Read the JSON shape.

        Raises:
            ShapeError: it has another shape.
        """
        members = Members.of({} if data is None else data, place)
        allowed = members.data.get("sourceDistributions") is True
        return cls(members.texts("indexes"), allowed, members.mapping("namedIndexes"))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "indexes": list(self.indexes),
            "sourceDistributions": self.source_distributions,
            "namedIndexes": dict(self.named),
        }


@dataclass(frozen=True)
class Registries:
    """The operator's settings for registries.

    Attributes:
        mirrors: where registries are read, by host.
        addresses: where registries are reached, by host.
        insecure: hosts that speak plain HTTP.
    """

    mirrors: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    insecure: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: object, place: str = "registries") -> Registries:
        """Read the JSON shape.

        Raises:
            ShapeError: it has another shape.
        """
        members = Members.of({} if data is None else data, place)
        return cls(members.mapping("mirrors"), members.mapping("addresses"), members.texts("insecure"))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {"mirrors": dict(self.mirrors), "addresses": dict(self.addresses), "insecure": list(self.insecure)}


@dataclass(frozen=True)
class BuildJson:
    """One build, as its programs are told of it.

    Attributes:
        key: of the build: 8 to 64 hexadecimal digits.
        base: the image that it starts from.
        layer: what it installs.
        earlier: layers, with their locks, that are installed before it in the same place.
        pip: where packages come from.
        strategy: `Image`, or `Start` where pods install at their start.
        image_key: the key that the image holds; empty where it is the build's own.
        repository: where the image goes; None where none is pushed.
        before: digest of an image in the repository whose layers may be used again.
        platform: such as `linux/amd64`; None for the node's own.
        labels: of the image.
        registries: how registries are reached.
    """

    key: str
    base: BaseImage
    layer: Layer
    earlier: tuple[Layer, ...] = ()
    pip: PipSettings = field(default_factory=PipSettings)
    strategy: Strategy = "Image"
    image_key: str = ""
    repository: str | None = None
    before: str | None = None
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    registries: Registries = field(default_factory=Registries)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read the document.

        Raises:
            ValueError: it is no JSON, or of another shape or format (`ShapeError`).
        """
        try:
            data = json.loads(text)
        except RecursionError as error:
            raise ShapeError("the document is nested without end") from error
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read the JSON shape.

        Raises:
            ShapeError: it is of another shape, or of another format.
        """
        members = Members.of(data)
        if members.data.get("format") != FORMAT:
            raise ShapeError(f"format {members.data.get('format')!r}, and this program reads {FORMAT}")
        strategy = members.data.get("strategy", "Image")
        if strategy not in ("Image", "Start"):
            raise ShapeError("strategy is neither Image nor Start")
        base = Members.of(members.data.get("base"), "base")
        return cls(
            key=members.text("key", _KEY),
            base=BaseImage(base.text("image", limit=_REFERENCE_LIMIT), base.optional_text("digest")),
            layer=Layer.from_dict(members.data.get("layer")),
            earlier=tuple(
                Layer.from_dict(layer, f"earlier.{number}") for number, layer in enumerate(members.items("earlier"))
            ),
            pip=PipSettings.from_dict(members.data.get("pip")),
            strategy=cast(Strategy, strategy),
            image_key=members.text("imageKey", _KEY) if members.data.get("imageKey") else "",
            repository=members.optional_text("repository", limit=_REFERENCE_LIMIT),
            before=members.optional_text("before", DIGEST),
            platform=members.optional_text("platform"),
            labels=members.mapping("labels"),
            registries=Registries.from_dict(members.data.get("registries")),
        )

    def only(self, layer: Layer) -> Self:
        """Return the same build for one of its layers alone."""
        return replace(self, layer=layer, earlier=())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "format": FORMAT,
            "key": self.key,
            "imageKey": self.image_key or self.key,
            "strategy": self.strategy,
            "base": {"image": self.base.image, "digest": self.base.digest},
            "earlier": [layer.to_dict() for layer in self.earlier],
            "layer": self.layer.to_dict(),
            "pip": self.pip.to_dict(),
            "repository": self.repository,
            "before": self.before,
            "platform": self.platform,
            "labels": dict(self.labels),
            "registries": self.registries.to_dict(),
        }


class OtherFileError(ValueError):
    """A `build.json` is not the one that its program was told of."""


def as_told(content: bytes, digest: str | None) -> bytes:
    """Return the bytes of a `build.json` if they are those of a digest.

    A ConfigMap is easier to replace than the arguments of a container, which name the digest (`sha256:...`); None where
    a program was told of none: by an operator before that, and where no cluster is.

    Raises:
        OtherFileError: they are not.
    """
    if digest is not None and digest_of(content) != digest:
        raise OtherFileError(f"its digest is {digest_of(content)}, and the operator wrote {digest}")
    return content


def text_of(document: Mapping[str, Any]) -> str:
    """Return the text of the file for a document of this shape: the same bytes for the same document."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
