"""Reads fields of objects of the API, and refuses what has another type than the API says.

What the operator keeps of an object is compared, sorted and put into names later, where a wrong type would stop more
than the one object. The API server checks types, but not what a tenant writes into labels and annotations; and an
object may have been stored under an older schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DIGITS = 20
"""Most digits of a number that the API writes as text."""


class UnreadableError(ValueError):
    """An object is not what the API says; the message names the field, and holds nothing of the object."""


def text(holder: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a text, or the default where there is none.

    Raises:
        UnreadableError: it is none.
    """
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise UnreadableError(f"{name} is no text")
    return value


def number(holder: Mapping[str, Any], name: str, default: int = 0) -> int:
    """Return a whole number, or the default where there is none.

    Raises:
        UnreadableError: it is none.
    """
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableError(f"{name} is no whole number")
    return value


def mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a mapping, empty where there is none.

    Raises:
        UnreadableError: it is none.
    """
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is no mapping")
    return value


def mappings(holder: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """Return a list of mappings, empty where there is none.

    Raises:
        UnreadableError: it is none.
    """
    value = holder.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableError(f"{name} is no list of mappings")
    return tuple(value)


def digits(value: str) -> int | None:
    """Return the number that a text of ASCII digits is, None where it is none or longer than any of the API."""
    return int(value) if len(value) <= _DIGITS and value.isascii() and value.isdigit() else None


def metadata_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of an object that has a namespace, a name, a UID and a resourceVersion.

    Raises:
        UnreadableError: it has not.
    """
    metadata = mapping(body, "metadata")
    for name in ("namespace", "name", "uid"):
        value = text(metadata, name)
        if not value or not value.isascii():
            raise UnreadableError(f"metadata.{name} is none")
    version_of(metadata)
    return metadata


def version_of(metadata: Mapping[str, Any]) -> int:
    """Return a resourceVersion, comparable by KEP-5504.

    Raises:
        UnreadableError: it is no number.
    """
    version = digits(text(metadata, "resourceVersion"))
    if version is None:
        raise UnreadableError("metadata.resourceVersion is no number")
    return version


def label(metadata: Mapping[str, Any], name: str) -> str:
    """Return the value of a label, empty where there is none.

    Raises:
        UnreadableError: it is no text.
    """
    return text(mapping(metadata, "labels"), name)


def annotation(metadata: Mapping[str, Any], name: str) -> str:
    """Return the value of an annotation, empty where there is none.

    Raises:
        UnreadableError: it is no text.
    """
    return text(mapping(metadata, "annotations"), name)


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the owner reference of the controller, empty where there is none.

    Raises:
        UnreadableError: the references are no list of mappings.
    """
    return next((owner for owner in mappings(metadata, "ownerReferences") if owner.get("controller")), {})


def is_of_kind(owner: Mapping[str, Any], group: str, kind: str) -> bool:
    """Tell whether an owner reference leads to a kind of a group, in whatever version; anybody may write one.

    Raises:
        UnreadableError: the reference is not what the API says.
    """
    return text(owner, "kind") == kind and text(owner, "apiVersion").partition("/")[0] == group
