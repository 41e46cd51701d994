"""Attaches a document to an image: a manifest whose `subject` is the image (OCI distribution specification 1.1).

A registry that keeps lists of referrers says so with the header OCI-Subject. For one that does not, the client itself
keeps the list, under the tag of the "referrers tag schema".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llamastack_operator.images.registry.client import Client, digest_of
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError
from llamastack_operator.images.registry.media import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from llamastack_operator.images.registry.sources import BytesSource
from llamastack_operator.images.registry.upload import put_blob

_EMPTY = b"{}"


def canonical_json(document: Any) -> bytes:
    """Render JSON so that the same content always gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Return the OCI descriptor of some content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def attach(
    client: Client, subject: Mapping[str, Any], artifact_type: str, content: bytes, annotations: Mapping[str, str]
) -> str:
    """Attach a document to an image of the client's repository, and return the digest of its manifest.

    Args:
        client: with the right to push.
        subject: descriptor of the image's manifest.
        artifact_type: media type of the document.
        content: the document.
        annotations: of the manifest and, where the client keeps the list, of its entry there.

    Raises:
        StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError: as `Client.send`.
    """
    for blob in (_EMPTY, content):
        put_blob(client, BytesSource(digest_of(blob), blob))
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": descriptor(OCI_EMPTY, _EMPTY),
            "layers": [descriptor(artifact_type, content)],
            "subject": dict(subject),
            "annotations": dict(annotations),
        }
    )
    digest = digest_of(manifest)
    kept = client.put_manifest(digest, OCI_MANIFEST, manifest)
    if kept != subject["digest"]:
        entry = descriptor(OCI_MANIFEST, manifest, artifactType=artifact_type, annotations=dict(annotations))
        _add_to_tag(client, str(subject["digest"]), entry)
    return digest


def _add_to_tag(client: Client, subject: str, entry: dict[str, Any]) -> None:
    tag = subject.replace(":", "-", 1)
    try:
        index = client.manifest(tag).document
    except StatusError as error:
        if error.status != 404:
            raise
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    entries = index.get("manifests")
    if not isinstance(entries, list):
        raise BrokenAnswerError("its list of referrers is no index")
    if any(isinstance(known, dict) and known.get("digest") == entry["digest"] for known in entries):
        return
    client.put_manifest(tag, OCI_INDEX, canonical_json({**index, "manifests": [*entries, entry]}))
