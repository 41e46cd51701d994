"""Looks up the image that a build starts from: its digest, its manifest for one platform, and its config.

Nothing of an image's content is read here, but a manifest is written by whoever made the image: it is bounded and
checked before anything is built on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.client import Client, Manifest, parse_json
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.media import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    INDEXES,
    OCI_CONFIG,
    OCI_LAYERS,
    OCI_MANIFEST,
)
from llamastack_operator.images.registry.reference import DIGEST, ImageReference

CONFIG_LIMIT = 8 << 20
"""Most bytes of an image's config."""
MOST_LAYERS = 125
"""Most layers of a base: overlay file systems mount 127, and a build adds up to two."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base image.

    Attributes:
        reference: as it was asked for, in full.
        digest: what the reference led to: an index or a manifest.
        platform_digest: the manifest of one platform.
        manifest: its JSON.
        config: the image's config.
        media_type: of the manifest.
    """

    reference: str
    digest: str
    platform_digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    media_type: str

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Descriptors of its layers."""
        return list(self.manifest["layers"])


def lookup_base(client: Client, reference: ImageReference, platform: str) -> Base:
    """Resolve a base image.

    Args:
        client: with the right to pull from its repository.
        reference: of the image.
        platform: for example `linux/arm64`; with a third part where the variant matters.

    Raises:
        BuildError: `BaseNotFound` (also for another platform), `UnsupportedBase`, or what the registry answered.
    """
    shown = f"@{reference.digest}" if reference.digest else f":{reference.version}"
    with explained(client, shown):
        top = client.manifest(reference.version)
        manifest = top
        if top.media_type in INDEXES:
            manifest = client.manifest(_chosen(top, reference, platform))
    _check_manifest(manifest, reference)
    with explained(client, shown):
        config = parse_json(client.small_blob(manifest.document["config"]["digest"], CONFIG_LIMIT))
    _check_config(config, manifest, reference, platform)
    return Base(str(reference), top.digest, manifest.digest, manifest.document, config, manifest.media_type)


def write_base(base: Base, path: Path) -> None:
    """Write the facts for the step that pushes."""
    content = asdict(base)
    content["platformDigest"] = content.pop("platform_digest")
    content["manifestMediaType"] = content.pop("media_type")
    path.write_text(json.dumps(content, sort_keys=True))


def read_base(path: Path) -> Base:
    """Read the facts that `write_base` wrote."""
    content = json.loads(path.read_bytes())
    names = ("reference", "digest", "platformDigest", "manifest", "config", "manifestMediaType")
    return Base(*(content[name] for name in names))


def _chosen(index: Manifest, reference: ImageReference, platform: str) -> str:
    """Return the digest of the index's manifest for a platform."""
    entries = index.document.get("manifests")
    offered: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("platform"), dict) and _is_digest(entry.get("digest")):
            offered.setdefault(_platform(entry["platform"]), entry["digest"])
    # A variant that was not asked for is the least one that the index has, as "v8" of arm64.
    fitting = sorted(name for name in offered if name == platform or name.startswith(f"{platform}/"))
    if fitting:
        return offered[fitting[0]]
    known = ", ".join(sorted(name for name in offered if "unknown" not in name)[:8]) or "none"
    raise BuildError("BaseNotFound", f"{reference}: there is no image for {platform}; it has: {known}")


def _platform(fields: Mapping[str, Any]) -> str:
    parts = (fields.get("os"), fields.get("architecture"), fields.get("variant"))
    return "/".join(str(part)[:40] for part in parts if part)


def _check_manifest(manifest: Manifest, reference: ImageReference) -> None:
    if manifest.media_type not in (OCI_MANIFEST, DOCKER_MANIFEST):
        hint = "push the image anew with a current tool"
        raise BuildError("UnsupportedBase", f"{reference} is no image manifest of OCI or Docker schema 2", hint)
    config, layers = manifest.document.get("config"), manifest.document.get("layers")
    if not _is_descriptor(config) or config.get("mediaType") not in (OCI_CONFIG, DOCKER_CONFIG):  # type: ignore[union-attr]
        raise BuildError("UnsupportedBase", f"{reference} is an artifact, not an image to run")
    if not isinstance(layers, list) or not all(map(_is_descriptor, layers)):
        raise BuildError("UnsupportedBase", f"{reference}: the manifest has no usable list of layers")
    if len(layers) > MOST_LAYERS:
        raise BuildError("UnsupportedBase", f"{reference} has {len(layers)} layers; a base may have {MOST_LAYERS}")
    if any(layer["mediaType"] not in OCI_LAYERS for layer in layers):
        raise BuildError("UnsupportedBase", f"{reference} has layers that may not be copied, or of an unknown kind")


def _check_config(config: Mapping[str, Any], manifest: Manifest, reference: ImageReference, platform: str) -> None:
    diff_ids = (config.get("rootfs") or {}).get("diff_ids") if isinstance(config.get("rootfs"), dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(manifest.document["layers"]):
        raise BuildError("UnsupportedBase", f"{reference}: the image's config does not fit its layers")
    if not all(map(_is_digest, diff_ids)) or not _can_run(config.get("config") or {}):
        raise BuildError("UnsupportedBase", f"{reference}: the image's config cannot be read")
    own = _platform({"os": config.get("os"), "architecture": config.get("architecture")})
    if own != "/".join(platform.split("/")[:2]):
        raise BuildError("BaseNotFound", f"{reference} is an image for {own or 'no platform'}, not for {platform}")


def _can_run(settings: object) -> bool:
    """Say whether those settings that a build adds to can be added to."""
    if not isinstance(settings, dict):
        return False
    environment, labels = settings.get("Env") or [], settings.get("Labels") or {}
    return (
        isinstance(environment, list)
        and all(isinstance(pair, str) for pair in environment)
        and isinstance(labels, dict)
    )


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _is_descriptor(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    size = value.get("size")
    sized = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return sized and _is_digest(value.get("digest")) and isinstance(value.get("mediaType"), str)
