"""Writes `build.json` for a build of the cluster, and for pods that install at their start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llamastack_contract.build_json import BaseImage, BuildJson, Registries, text_of
from llamastack_contract.layer import Layer
from llamastack_contract.lock import Locked
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.workloads.settings import ImageSettings


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
    earlier: Sequence[Layer],
    lock: Sequence[Locked] | None,
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
    document = BuildJson(
        key=build.inputs_key,
        image_key=inputs.image_key or "",
        strategy="Image" if build.spec.pushes else "Start",
        base=BaseImage(inputs.base, base_digest(build)),
        earlier=tuple(earlier),
        layer=replace(Layer.from_dict(inputs.layer.wire), lock=None if lock is None else tuple(lock)),
        pip=replace(inputs.pip, named=dict(settings.named_indexes)),
        repository=inputs.repository,
        before=before,
        platform=inputs.platform,
        labels=inputs.labels,
        registries=Registries(dict(settings.mirrors), dict(settings.addresses), tuple(settings.insecure)),
    ).to_dict()
    # Word for word as the build holds it: what a reader takes for granted is not written into it.
    document["layer"] = {**inputs.layer.wire, "lock": document["layer"]["lock"]}
    return text_of(document)
