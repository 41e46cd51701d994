"""Whether pydantic's lax mode would take a scalar for a type: `"8321"` for an integer, `"yes"` for a boolean.

pydantic's core itself answers, so that the answer is exact; it is imported only when a value is neither of
its type already nor a plain address, which keeps the command line quick.
"""

from __future__ import annotations

import re
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


# Addresses of which nothing can be wrong: names that are no IP address, no internationalised ones, a small port.
_PLAIN_URL = re.compile(
    r"https?://(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)*[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9._~-]*)*\Z"
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
        return not (kind == "number" and _beyond_float(value)), value
    if kind == "string":
        return isinstance(value, bytes), value
    return _validated(kind, value)


def _beyond_float(value: Any) -> bool:
    try:
        float(value)
    except OverflowError:
        return True
    return False


@cache
def _validator(kind: str) -> Any:
    # pydantic's core rather than pydantic: it gives the same answers, and imports in a fraction of the time.
    from pydantic_core import SchemaValidator, core_schema

    schemas: dict[str, Any] = {
        "integer": core_schema.int_schema(),
        "number": core_schema.float_schema(),
        "boolean": core_schema.bool_schema(),
        "uri": core_schema.url_schema(),
        "multi-host-uri": core_schema.multi_host_url_schema(),
        "date-time": core_schema.datetime_schema(),
        "date": core_schema.date_schema(),
        "time": core_schema.time_schema(),
        "duration": core_schema.timedelta_schema(),
        "uuid": core_schema.uuid_schema(),
        "uuid4": core_schema.uuid_schema(),
    }
    return SchemaValidator(schemas[kind])


def _validated(kind: str, value: Any) -> tuple[bool, Any]:
    from pydantic_core import ValidationError

    try:
        return True, _validator(kind).validate_python(value)
    except (ValidationError, OverflowError):
        return False, value


def _parsed(value: Any, fmt: str) -> tuple[bool, Any]:
    if fmt in ("ipv4", "ipv6"):
        return _is_address(value, fmt), value
    if fmt == "uri" and isinstance(value, str) and _PLAIN_URL.match(value):
        return True, value
    accepted, _ = _validated(fmt, value)
    return accepted, value


def _is_address(value: Any, fmt: str) -> bool:
    import ipaddress

    try:
        (ipaddress.IPv4Address if fmt == "ipv4" else ipaddress.IPv6Address)(value)
    except ValueError:
        return False
    return True
