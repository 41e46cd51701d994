"""Which fields of a provider's config the release fills in itself, from other parts of the run config.

`instantiate_provider` of `core/resolver.py` does it, for every config class that has the field. A field that it
fills is never missing; one that it replaces makes what the config says there pointless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.config.check import value_at
from llamastack_resolver.config.env import Unknown
from llamastack_resolver.knowledge import ReleaseKnowledge

VECTOR_STORES = "vector_stores_config"
METADATA_STORE = "metadata_store"


def filled_fields(
    config: Mapping[str, Any], fields: Mapping[str, Any], raw: Mapping[str, Any], knowledge: ReleaseKnowledge
) -> dict[str, str]:
    """Return the fields that the release fills in, with the place in the run config that it takes them from.

    Args:
        config: the provider's config.
        fields: the properties of its config class.
        raw: the run config.
        knowledge: the release.
    """
    behaviour = knowledge.behaviour
    found = {}
    if VECTOR_STORES in fields and behaviour.fills_vector_stores_config and raw.get("vector_stores") is not None:
        found[VECTOR_STORES] = "vector_stores"
    own = config.get(METADATA_STORE)
    if METADATA_STORE in fields and behaviour.fills_metadata_store and (own is None or isinstance(own, Unknown)):
        store = value_at(raw, "storage.stores.vector_stores")
        if store is not None:
            found[METADATA_STORE] = "storage.stores.vector_stores"
    return found
