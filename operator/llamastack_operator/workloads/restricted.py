"""What the restricted Pod Security profile asks of a container, and a read-only root: one answer for all of them."""

from __future__ import annotations

from typing import Any


def security_context() -> dict[str, Any]:
    """Return the security context of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
