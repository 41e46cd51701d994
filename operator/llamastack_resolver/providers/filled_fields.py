"""Which fields of a provider's config the release fills in itself, from other parts of the run config.

`instantiate_provider` of `core/resolver.py` does it, for every config class that has the field. A field that it
fills is never missing; one that it replaces makes what the config says there pointless.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.check import value_at
from llamastack_resolver.config.env import Unknown
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge

VECTOR_STORES = "vector_stores_config"
METADATA_STORE = "metadata_store"


def may_be_filled(spec: ProviderSpec, fields: Container[str], behaviour: Behaviour) -> frozenset[str]:
    """Return the fields of a provider's config class that the release would fill in, where it has with what.

    Args:
        spec: of the provider.
        fields: those of its config class.
        behaviour: the release's rules.
    """
    if spec.kind == "remote" and not behaviour.fills_remote_configs:
        return frozenset()
    rules = {VECTOR_STORES: behaviour.fills_vector_stores_config, METADATA_STORE: behaviour.fills_metadata_store}
    return frozenset(field for field, filled in rules.items() if filled and field in fields)


def filled_fields(
    spec: ProviderSpec,
    config: Mapping[str, Any],
    fields: Mapping[str, Any],
    raw: Mapping[str, Any],
    knowledge: ReleaseKnowledge,
) -> dict[str, str]:
    """Return the fields that the release fills in, with the place in the run config that it takes them from.

    Args:
        spec: of the provider.
        config: the provider's config.
        fields: the properties of its config class.
        raw: the run config.
        knowledge: the release.
    """
    possible, found = may_be_filled(spec, fields, knowledge.behaviour), {}
    if VECTOR_STORES in possible and raw.get("vector_stores") is not None:
        found[VECTOR_STORES] = "vector_stores"
    own = config.get(METADATA_STORE)
    if METADATA_STORE in possible and (own is None or isinstance(own, Unknown)):
        store = value_at(raw, "storage.stores.vector_stores")
        if store is not None:
            found[METADATA_STORE] = "storage.stores.vector_stores"
    return found
