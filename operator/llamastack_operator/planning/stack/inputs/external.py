"""What external providers and APIs add to the run config."""

from __future__ import annotations

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_resolver.documents.external_fields import directories


def directory_keys(spec: LlamaStackSpec) -> dict[str, str]:
    """Return the keys of the run config that say where the external files are mounted; none where there are none."""
    return directories(bool(spec.external_providers), bool(spec.external_apis))
