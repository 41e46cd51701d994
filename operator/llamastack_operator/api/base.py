"""What all models of the API share: camelCase names, closed schemas and bounded common types.

Bounds are everywhere because CEL's cost limit counts the largest value that a schema admits, and because the
status of an object shares etcd's 1.5 MB with its spec.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

GROUP = "llamastack.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class ApiModel(BaseModel):
    """A part of a resource: unknown fields are refused, names on the wire are camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """Return the fields that are set, under their names in the API."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _number_to_text(value: Any) -> Any:
    """Admit `cpu: 2`: the API server serves the number that was written."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def rules(*pairs: tuple[str, str], **schema: Any) -> dict[str, Any]:
    """Return JSON schema extras with CEL rules, each a pair of expression and message."""
    validations = [{"rule": rule, "message": message} for rule, message in pairs]
    return {"x-kubernetes-validations": validations, **schema} if validations else schema


def map_list(*keys: str) -> dict[str, Any]:
    """Return the schema extras of a list whose items are told apart by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


ATOMIC_LIST: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
OPAQUE_OBJECT: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL)]
DataKey = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
ShortText = Annotated[str, StringConstraints(max_length=253)]
LongText = Annotated[str, StringConstraints(max_length=32768)]
MountPath = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^/[^:]*$")]


class KeyReference(ApiModel):
    """One key of an object in the stack's namespace."""

    name: ObjectName
    key: DataKey


Labels = Annotated[dict[str, ShortText], Field(max_length=64)]
Annotations = Annotated[dict[str, LongText], Field(max_length=64)]

OWN_PREFIX = f"{GROUP}/"
"""What the keys of labels and annotations begin with by which the operator tells its objects."""
OTHERS_KEYS = rules(
    (f"self.all(key, !key.startsWith('{OWN_PREFIX}'))", f"keys below {OWN_PREFIX} are for the operator alone")
)
"""What is asked of labels and annotations that users give to objects of their stack."""

QUANTITY_PATTERN = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$"
Quantity = Annotated[
    str,
    BeforeValidator(_number_to_text),
    StringConstraints(max_length=32, pattern=QUANTITY_PATTERN),
    Field(
        json_schema_extra={
            "type": None,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
IntOrPercent = Annotated[
    int | Annotated[str, StringConstraints(max_length=8, pattern=r"^[0-9]+%$")],
    Field(
        json_schema_extra={
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 8,
            "pattern": r"^[0-9]+%$",
            "x-kubernetes-int-or-string": True,
        }
    ),
]
