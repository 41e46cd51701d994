"""Names of distributions, as all parties compare them."""

from __future__ import annotations

import re


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
