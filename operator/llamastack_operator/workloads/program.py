"""Containers that run a program of the operator or of its installer, in a build's pod and in a stack's: one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llamastack_contract.paths import SCRATCH
from llamastack_operator.workloads.restricted import security_context


def program_container(
    name: str,
    image: str,
    command: Sequence[str],
    mounts: Sequence[Mapping[str, Any]],
    resources: Mapping[str, Any],
    environment: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return a container.

    Args:
        name: its name.
        image: its image.
        command: the program and its arguments.
        mounts: its volume mounts, in wire form.
        resources: its requests and limits, in wire form.
        environment: further variables.
    """
    variables = (("PYTHONUNBUFFERED", "1"), ("HOME", SCRATCH), *environment)
    return {
        "name": name,
        "image": image,
        "command": list(command),
        "env": [{"name": variable, "value": value} for variable, value in variables],
        "resources": dict(resources),
        "volumeMounts": [dict(mount) for mount in mounts],
        "securityContext": security_context(),
        # Untrusted where a tenant's code runs: it is read with bounds, and decides no success.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
