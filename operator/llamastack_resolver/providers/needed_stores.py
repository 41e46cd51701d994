"""Stores that a provider cannot do without, though its config class takes configs that name none.

The class is content, so no schema shows it: the provider opens the store when it starts, with what it finds there, and
the server stops with an AttributeError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llamastack_resolver.config.schema_check import Issue, Schema
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge

# By API, type and field: each store that is null where it is left out, and that the provider opens all the same
# (`kvstore_impl(self.config.<field>)` in its `initialize`). Providers that ask first whether it is there are not here.
_OPENED_AS_NULL = frozenset(
    {
        ("vector_io", "remote::pgvector", "kvstore"),
        ("vector_io", "remote::pgvector", "persistence"),
        ("vector_io", "remote::elasticsearch", "persistence"),
    }
)
# Chroma's start without a store was read in its source, and not seen: upstream's own configs of 0.2.16 and 0.2.17 name
# none. That is worth knowing, and an error takes more.
_NOT_SEEN = frozenset({"remote::chromadb", "inline::chromadb"})


def missing_stores(
    spec: ProviderSpec, config: Mapping[str, Any], schema: Schema, knowledge: ReleaseKnowledge
) -> Iterator[Issue]:
    """Return an issue for each store that a built-in provider needs and its config does not name.

    Args:
        spec: of the provider.
        config: its config.
        schema: of its config class.
        knowledge: the release.
    """
    for field, declared in (schema.get("properties") or {}).items():
        is_text = field not in config and _is_text_for_a_store(declared)
        is_null = config.get(field) is None and (spec.api, spec.provider_type, field) in _OPENED_AS_NULL
        if is_text or is_null:
            yield _issue(field, spec, knowledge)


def _is_text_for_a_store(declared: Schema) -> bool:
    """Whether a field that takes mappings has a text for its default, which pydantic does not look at: every store of
    0.2.x is `sqlite` where it is left out."""
    return "discriminator" in declared and isinstance(declared.get("default"), str)


def _issue(field: str, spec: ProviderSpec, knowledge: ReleaseKnowledge) -> Issue:
    message = f"`{field}` is required: {spec.provider_type} of {knowledge.release} has no default for it that works"
    return Issue(field, message, f"add `{field}`", soft=spec.provider_type in _NOT_SEEN, missing=True)
