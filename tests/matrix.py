"""Which cases run: on each change the representative ones of each matrix, with `make test-all` every one."""

from __future__ import annotations

import os

EVERYTHING = os.environ.get("LLAMASTACK_TEST_ALL") == "1"


def full_matrix[T](test: T) -> T | None:
    """Take a test out of the runs that are for representative cases."""
    return test if EVERYTHING else None
