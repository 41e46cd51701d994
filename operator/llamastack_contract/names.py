"""Names of distributions, as all parties read and compare them."""

from __future__ import annotations

import re

_START = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    """Return the name at the begin of a requirement; empty where there is none, as in an option of pip."""
    match = _START.match(requirement)
    return match[1] if match else ""
