"""The key of a build: a hash of everything that decides what comes out of it.

Two builds with one key are one build. The key holds no credentials, no names of Secrets and no registry: the same
install is the same build wherever it is pushed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from llamastack_contract.build_json import PipSettings
from llamastack_contract.layer import Layer

RECIPE = 2
"""Version of the way in which layers are made. A new one changes the keys of new builds, and rebuilds nothing."""
NAME_LENGTH = 16
# By pattern, since the standard library's parser refuses some addresses that a spec can hold.
_CREDENTIALS = re.compile(r"^([a-z]+://)[^/]*@", re.IGNORECASE)


@dataclass(frozen=True)
class BuildInputs:
    """Everything that decides what a build makes.

    Attributes:
        base: the base image as written, or `repository@digest` of the layer below.
        layer: what is installed; its lock does not count, it is the outcome of an earlier build with this key.
        earlier: layers that are installed before it in the same pod (strategy Start).
        pip: where packages come from.
        base_digest: the digest that the base is pinned to; None for what its tag resolves to.
        platform: such as `linux/amd64`; None for the node's own.
        recipe: the version of the way in which it is made.
        refresh: a token that asks for a fresh look at tags and versions, such as the annotation's value.
    """

    base: str
    layer: Layer
    earlier: tuple[Layer, ...] = ()
    pip: PipSettings = field(default_factory=PipSettings)
    base_digest: str | None = None
    platform: str | None = None
    recipe: int = RECIPE
    refresh: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is hashed: JSON values, with lists in an order that means nothing sorted."""
        return {
            "base": {"image": self.base, "digest": self.base_digest},
            "earlier": [_content(layer) for layer in self.earlier],
            "layer": _content(self.layer),
            "pip": public(self.pip).to_dict(),
            "platform": self.platform,
            "recipe": self.recipe,
            "refresh": self.refresh or None,
        }


def build_key(inputs: BuildInputs) -> str:
    """Return the key: 64 hexadecimal digits."""
    canonical = json.dumps(inputs.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def key_name(key: str) -> str:
    """Return the part of a key that names and tags carry; the whole key is recorded beside it."""
    return key[:NAME_LENGTH]


def without_credentials(url: str) -> str:
    """Return a URL without user and password."""
    return _CREDENTIALS.sub(r"\1", url)


def public(pip: PipSettings) -> PipSettings:
    """Return settings of pip without what stands before the host in their addresses."""
    indexes = tuple(without_credentials(url) for url in pip.indexes)
    return replace(
        pip, indexes=indexes, named={name: without_credentials(url) for name, url in sorted(pip.named.items())}
    )


def _content(layer: Layer) -> dict[str, Any]:
    wire = layer.to_dict()
    del wire["lock"]
    for name in ("requirements", "modules", "constraints"):
        wire[name] = sorted(set(wire[name]))
    wire["special"] = sorted(map(list, set(layer.special)))
    return wire
