"""Finds layers that an image of an earlier build has, so that `push` need not compress them again.

Compressing is most of the time that packing takes. Which layer it is, the digest of the uncompressed archive tells
(`diff_ids`, OCI image specification 1.1, "Image Configuration"), so nothing is taken for the same that is not.
"""

from __future__ import annotations

from collections.abc import Callable

from llamastack_operator.images.append.base import lookup_base
from llamastack_operator.images.append.inputs import PushInputs
from llamastack_operator.images.append.program import say
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.layer.pack import PackedLayer
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.media import OCI_LAYER_GZIP


def stored_layers(inputs: PushInputs, target: Client) -> Callable[[str], PackedLayer | None] | None:
    """Return what finds a layer by its diff id; None where there is no image to find any in.

    Args:
        inputs: of the build; `before` is an image that the operator recorded.
        target: client of the repository to push to.
    """
    if inputs.before is None:
        return None
    try:
        image = lookup_base(target, inputs.target.at(inputs.before), inputs.wanted_platform)
    except BuildError as error:
        say(f"note: no layer of the image before is used again; {error.message}")
        return None
    known = dict(zip(image.config["rootfs"]["diff_ids"], image.layers, strict=True))

    def find(diff_id: str) -> PackedLayer | None:
        layer = known.get(diff_id)
        if layer is None or layer["mediaType"] != OCI_LAYER_GZIP:
            return None
        with explained(target):
            there = target.has_blob(layer["digest"])
        return PackedLayer(None, layer["digest"], diff_id, layer["size"]) if there else None

    return find
