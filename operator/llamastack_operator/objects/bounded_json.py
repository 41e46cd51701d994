"""Reads JSON that is nested without end.

The run config is open-ended, so a tenant can store one that is nested thousands of levels deep: the API server takes
10,000, Python's decoder gives up between 1,500 and 9,998 with an exception that would end the watch, and with it the
operator, again at each restart. What lies too deep is therefore cut out before it is decoded.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100
"""Levels of nesting of an object that are kept; run configs of the releases have 8."""
CUT = "(cut out: nested too deeply)"
"""What stands where something was cut out."""

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_STRINGS = re.compile(_STRING)
_TOKENS = re.compile(_STRING + rb"|[\[\]{}]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def loads(text: bytes) -> Any:
    """Decode JSON; what is nested too deeply to be decoded is cut out."""
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(shallow(text))


def shallow(text: bytes) -> bytes:
    """Return JSON with everything below `MAX_DEPTH` levels replaced by `CUT`."""
    if depth_of(text) <= MAX_DEPTH:
        return text
    parts: list[bytes] = []
    depth, kept = 0, 0
    for token in _TOKENS.finditer(text):
        bracket = token[0]
        if bracket in (b"[", b"{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts.append(text[kept : token.start()])
        elif bracket in (b"]", b"}"):
            if depth == MAX_DEPTH + 1:
                parts.append(json.dumps(CUT).encode())
                kept = token.end()
            depth -= 1
    return b"".join([*parts, text[kept:]])


def depth_of(text: bytes) -> int:
    """Return how deeply JSON is nested, or less than that where it is no deeper than `MAX_DEPTH`."""
    # Every level costs an opening bracket: most texts need no closer look.
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _STRINGS.sub(b"", text).translate(None, _NO_BRACKETS):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest
