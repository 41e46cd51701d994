"""The status of a build that succeeded, from its last words and its record. Pure, and strict about both."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from llamastack_contract.message import PushMessage
from llamastack_contract.record import Module, Record
from llamastack_operator.api.llamastackbuild import LlamaStackBuildStatus
from llamastack_operator.objects.build_status import BuildStatus, build_status
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.build.result import LostRecordError


def collected(build: BuildRecord, status: BuildStatus, message: PushMessage, record: Record, now: str) -> BuildStatus:
    """Return the status of a build that succeeded, without its lock.

    Args:
        build: the build.
        status: its status so far.
        message: the last words of `push`.
        record: the record that it printed.
        now: the time of the pass (RFC 3339).

    Raises:
        LostRecordError: the last words are not of the agreed shape.
    """
    pushed = build.spec.pushes
    wire = {
        "phase": "Succeeded",
        "attempts": status.attempts,
        "startedAt": status.started_at,
        "finishedAt": now,
        "rerun": status.rerun,
        "image": message.image if pushed else None,
        "digest": message.digest if pushed else None,
        "baseDigest": message.base,
        "platform": message.platform,
        "python": record.python,
        "imageSize": message.total if pushed else None,
        "pushedBytes": message.pushed if pushed else None,
        "modules": [_module(module) for module in record.modules] or None,
        "installed": len(record.lock),
    }
    try:
        checked = LlamaStackBuildStatus.model_validate({key: value for key, value in wire.items() if value is not None})
    except ValidationError as error:
        raise LostRecordError(
            f"the build's last words are not of the agreed shape: {error.error_count()} errors"
        ) from error
    return build_status(checked.to_wire())


def _module(module: Module) -> dict[str, Any]:
    return {
        "requirement": module.requirement,
        "distribution": module.distribution,
        "version": module.version,
        "importName": module.import_name,
        "providers": [f"{provider.api}/{provider.type}" for provider in module.providers],
    }
