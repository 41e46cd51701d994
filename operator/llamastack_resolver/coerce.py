"""Whether pydantic's lax mode would take a scalar for a type: `"8321"` for an integer, `"yes"` for a boolean.

pydantic itself answers, so that the answer is exact; it is imported only when a value is not already of its
type, which keeps the command line quick.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_EXACT: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
# Formats whose text pydantic parses; any other format is a hint for humans.
PARSED_FORMATS = frozenset(
    {"uri", "date-time", "date", "time", "duration", "uuid", "uuid4", "ipv4", "ipv6", "multi-host-uri"}
)


def coerce_scalar(value: Any, kind: str, fmt: str | None = None) -> tuple[bool, Any]:
    """Return whether `value` is accepted as `kind`, and what it becomes.

    Args:
        value: a value from YAML.
        kind: a JSON schema type: string, integer, number or boolean.
        fmt: the JSON schema format, if it has one.
    """
    if fmt in PARSED_FORMATS:
        return _parsed(value, fmt)
    if fmt == "binary" or (kind == "string" and fmt == "path"):
        return isinstance(value, (str, bytes)), value
    exact = _EXACT[kind]
    if isinstance(value, exact) and (kind == "boolean" or not isinstance(value, bool)):
        return True, value
    if kind == "string":
        return isinstance(value, bytes), value
    return _validated(kind, value)


@cache
def _adapter(kind: str) -> Any:
    import datetime
    import ipaddress
    import uuid

    from pydantic import AnyUrl, TypeAdapter

    types: dict[str, Any] = {
        "integer": int,
        "number": float,
        "boolean": bool,
        "uri": AnyUrl,
        "multi-host-uri": AnyUrl,
        "date-time": datetime.datetime,
        "date": datetime.date,
        "time": datetime.time,
        "duration": datetime.timedelta,
        "uuid": uuid.UUID,
        "uuid4": uuid.UUID,
        "ipv4": ipaddress.IPv4Address,
        "ipv6": ipaddress.IPv6Address,
    }
    return TypeAdapter(types[kind])


def _validated(kind: str, value: Any) -> tuple[bool, Any]:
    from pydantic import ValidationError

    try:
        return True, _adapter(kind).validate_python(value)
    except (ValidationError, OverflowError):
        return False, value


def _parsed(value: Any, fmt: str) -> tuple[bool, Any]:
    accepted, _ = _validated(fmt, value)
    return accepted, value
