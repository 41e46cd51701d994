"""`build.json`: what the programs of a build, and of pods that install at their start, read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.workloads.settings import ImageSettings

BUILD_JSON = "build.json"
FORMAT = 1


def base_digest(build: BuildRecord) -> str | None:
    """Return the base's digest where it is known: named by the stack, or found by an earlier, successful try."""
    return build.spec.inputs.base_digest or build.status.base_digest


def image_before(build: BuildRecord, others: Iterable[BuildRecord]) -> str | None:
    """Return the digest of the newest image that builds of the same kind left in the same repository.

    Args:
        build: the build.
        others: builds of the stacks that use it, itself perhaps among them.
    """
    inputs = build.spec.inputs
    found = [
        (other.status.finished_at or "", other.status.digest)
        for other in others
        if other.key != build.key and other.phase == "Succeeded" and other.status.digest
        if other.spec.inputs.repository == inputs.repository and other.spec.inputs.layer.kind == inputs.layer.kind
    ]
    return max(found)[1] if found else None


def inputs_text(
    build: BuildRecord,
    settings: ImageSettings,
    earlier: Sequence[Mapping[str, Any]],
    lock: Sequence[Mapping[str, Any]] | None,
    before: str | None = None,
) -> str:
    """Return the text of build.json; it never holds a credential.

    Args:
        build: the build.
        settings: the operator's settings; mirrors and insecure registries come from there alone.
        earlier: layers, with their locks, that are installed before this build's.
        lock: exactly what to install, or None to resolve.
        before: digest of an image in the repository whose layers may be used again.
    """
    inputs = build.spec.inputs
    document = {
        "format": FORMAT,
        "key": build.inputs_key,
        "imageKey": inputs.image_key or build.inputs_key,
        "strategy": build.spec.strategy,
        "base": {"image": inputs.base, "digest": base_digest(build)},
        "earlier": [dict(layer) for layer in earlier],
        "layer": {**inputs.layer.wire, "lock": None if lock is None else [dict(entry) for entry in lock]},
        "pip": {
            "indexes": list(inputs.pip.indexes),
            "sourceDistributions": inputs.pip.source_distributions,
            "namedIndexes": dict(settings.named_indexes),
        },
        "repository": inputs.repository,
        "before": before,
        "platform": inputs.platform,
        "labels": dict(inputs.labels),
        "registries": {
            "mirrors": dict(settings.mirrors),
            "addresses": dict(settings.addresses),
            "insecure": list(settings.insecure),
        },
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
