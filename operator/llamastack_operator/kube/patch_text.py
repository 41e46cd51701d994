"""Writes what is applied: JSON that the API server reads as YAML, for server-side apply takes nothing else.

Not all JSON is YAML: a character beyond the basic plane, an emoji for example, cannot be written as two escapes, and
others can be written only as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# What YAML 1.1 does not take as it is (5.1: printable characters), or takes for the end of a line (5.4).
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def yaml_of(body: Mapping[str, Any]) -> bytes:
    """Return an object as YAML that is JSON."""
    text = json.dumps(body, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
