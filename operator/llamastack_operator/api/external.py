"""`spec.externalProviders` and `spec.externalApis`: upstream's providers.d and apis.d, from ConfigMaps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import ATOMIC_LIST, ApiModel, KeyReference, map_list
from llamastack_resolver.documents.external_fields import API_NAME_PATTERN, PROVIDER_TYPE_PATTERN
from llamastack_resolver.providers.requirements import REQUIREMENT_PATTERN

MAX_ENTRIES = 32
ApiName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=API_NAME_PATTERN)]
PackageRequirement = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=REQUIREMENT_PATTERN)]
Packages = Annotated[list[PackageRequirement] | None, Field(max_length=32, json_schema_extra=ATOMIC_LIST)]


class ExternalProvider(ApiModel):
    """A provider spec in upstream's YAML, as a file of external_providers_dir."""

    api: ApiName
    """The API that it provides, for example inference."""
    provider_type: Annotated[str, StringConstraints(max_length=128, pattern=PROVIDER_TYPE_PATTERN)]
    """Its type, remote::NAME or inline::NAME, by which the run config refers to it."""
    config_map_key_ref: KeyReference
    """The ConfigMap and the key that hold the spec."""
    packages: Packages = None
    """Requirements (PEP 508) that hold its code and are installed; none where the image brings it."""


class ExternalApi(ApiModel):
    """An API spec in upstream's YAML, as a file of external_apis_dir."""

    name: ApiName
    """The API's name, as in the spec."""
    config_map_key_ref: KeyReference
    """The ConfigMap and the key that hold the spec."""
    packages: Packages = None
    """Requirements (PEP 508) that hold its code and are installed; none where the image brings it."""


ExternalProviders = Annotated[
    list[ExternalProvider] | None,
    Field(max_length=MAX_ENTRIES, json_schema_extra=map_list("api", "providerType")),
]
ExternalApis = Annotated[list[ExternalApi] | None, Field(max_length=MAX_ENTRIES, json_schema_extra=map_list("name"))]
