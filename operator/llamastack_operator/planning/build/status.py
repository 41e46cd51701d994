"""The status of a build that succeeded, from its last words and its record. Pure, and strict about both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from llamastack_operator.api.llamastackbuild import LlamaStackBuildStatus
from llamastack_operator.objects.build_status import BuildStatus, build_status
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.build.result import LostRecordError

_MODULES = 64
_PROVIDERS = 64


def collected(
    build: BuildRecord, status: BuildStatus, told: Mapping[str, Any], record: Mapping[str, Any], now: str
) -> tuple[BuildStatus, list[Mapping[str, Any]]]:
    """Return the status of a build that succeeded, and its lock.

    Args:
        build: the build.
        status: its status so far.
        told: the last words of `push`.
        record: the record that it printed.
        now: the time of the pass (RFC 3339).

    Raises:
        LostRecordError: the record is not of the agreed shape.
    """
    lock: list[Mapping[str, Any]] = [entry for entry in record["lock"] if isinstance(entry, dict)]
    image = told.get("image") if build.spec.pushes else None
    wire = {
        "phase": "Succeeded",
        "attempts": status.attempts,
        "startedAt": status.started_at,
        "finishedAt": now,
        "rerun": status.rerun,
        "image": image,
        "digest": told.get("digest") if image else None,
        "baseDigest": told.get("base"),
        "platform": told.get("platform"),
        "python": record.get("python"),
        "imageSize": told.get("total") if image else None,
        "pushedBytes": told.get("pushed") if image else None,
        "modules": _modules(record) or None,
        "installed": len(lock),
    }
    try:
        checked = LlamaStackBuildStatus.model_validate({key: value for key, value in wire.items() if value is not None})
    except ValidationError as error:
        raise LostRecordError(f"the build's record is not of the agreed shape: {error.error_count()} errors") from error
    return build_status(checked.to_wire()), lock


def _modules(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    modules = record.get("modules")
    listed = [module for module in modules if isinstance(module, dict)] if isinstance(modules, list) else []
    return [
        {
            "requirement": module.get("requirement"),
            "distribution": module.get("distribution"),
            "version": module.get("version"),
            "importName": module.get("importName"),
            "providers": _providers(module.get("providers")),
        }
        for module in listed[:_MODULES]
    ]


def _providers(entries: Any) -> list[str]:
    if not isinstance(entries, list):
        return []
    pairs = [entry for entry in entries if isinstance(entry, dict)]
    return [f"{entry.get('api')}/{entry.get('type')}" for entry in pairs[:_PROVIDERS]]
