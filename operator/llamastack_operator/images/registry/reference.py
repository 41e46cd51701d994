"""Reads image references as Docker and containerd do, so that a base means here what it means to a node.

Grammar: github.com/distribution/reference and the OCI distribution specification 1.1, "Pulling manifests".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

DOCKER_HUB = "docker.io"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
"""Path of a repository within its registry."""
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""A tag."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
"""A digest of one of the two algorithms that the specification registers."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Where an image is.

    Attributes:
        host: registry as users write it, for example `docker.io` or `registry.local:5000`.
        repository: path within the registry, for example `library/python`.
        tag: the tag, or None.
        digest: the digest, or None; it wins over the tag.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """The repository with its registry."""
        return f"{self.host}/{self.repository}"

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or "latest"

    def at(self, digest: str) -> ImageReference:
        """Return the same repository at a digest."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse_reference(text: str) -> ImageReference:
    """Read an image reference.

    Args:
        text: for example `python`, `quay.io/org/image:1`, `localhost:5000/a/b@sha256:...`.

    Raises:
        ValueError: it is none; says why.
    """
    rest, _, digest = text.partition("@")
    if "@" in text and not DIGEST.fullmatch(digest):
        raise ValueError(f"{text[:300]!r}: what follows @ is no digest such as sha256:<64 hexadecimal digits>")
    path, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        path, tag = rest, ""
    elif not TAG.fullmatch(tag):
        raise ValueError(f"{text[:300]!r}: {tag[:130]!r} is no tag: letters, digits, '_', '.', '-', at most 128")
    host, repository = _split(path)
    if not _HOST.fullmatch(host):
        raise ValueError(f"{text[:300]!r}: {host[:200]!r} is no registry host")
    if not REPOSITORY.fullmatch(repository) or len(repository) > 255:
        raise ValueError(
            f"{text[:300]!r}: {repository[:200]!r} is no repository: lower-case letters, digits, '/', '.', '_', '-'"
        )
    return ImageReference(host.lower(), repository, tag or None, digest or None)


def _split(path: str) -> tuple[str, str]:
    first, slash, rest = path.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return DOCKER_HUB, path if slash else f"library/{path}"
    if first in (DOCKER_HUB, "index.docker.io"):
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return first, rest
