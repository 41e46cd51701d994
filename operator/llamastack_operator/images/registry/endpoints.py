"""Where a registry is reached: its own host, or the mirror that the operator's configuration names for it.

Only the operator's configuration can say that a host speaks plain HTTP. A tenant could otherwise have credentials sent
over the network unencrypted, or reach servers that were never meant as registries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from llamastack_operator.images.registry.reference import DOCKER_HUB, ImageReference

_HUB_ENDPOINT = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at the server that answers for it.

    Attributes:
        base: scheme and authority of the server, for example `https://registry-1.docker.io`.
        path: repository at that server.
        host: registry as users write it: what credentials are looked up by.
        name: repository within `host`, as users write it.
    """

    base: str
    path: str
    host: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The operator's settings for registries.

    Attributes:
        mirrors: registry host to address, `http(s)://host[:port][/prefix]`; a prefix goes before the repository.
        plain_http: hosts, with their port, that speak HTTP without TLS.
        addresses: registry host to the address of its very server, for reading and writing, where that is not the
            host itself, as in a cluster whose nodes know the registry under another name.
    """

    mirrors: Mapping[str, str] = field(default_factory=dict)
    plain_http: Collection[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)

    def pull(self, reference: ImageReference) -> Repository:
        """Return where an image is read: at the mirror, when its registry has one, and nowhere else."""
        mirror = self.mirrors.get(reference.host)
        return _at(mirror, reference) if mirror is not None else self.push(reference)

    def push(self, reference: ImageReference) -> Repository:
        """Return where an image is written: at its own registry."""
        address = self.addresses.get(reference.host)
        if address is not None:
            return _at(address, reference)
        authority = _HUB_ENDPOINT if reference.host == DOCKER_HUB else reference.host
        scheme = "http" if reference.host in self.plain_http else "https"
        return Repository(f"{scheme}://{authority}", reference.repository, reference.host, reference.repository)

    def may_be_plain(self, authority: str) -> bool:
        """Say whether a server may be talked to without TLS."""
        named = (urlsplit(address) for address in (*self.mirrors.values(), *self.addresses.values()))
        return authority in self.plain_http or any(
            address.scheme == "http" and address.netloc == authority for address in named
        )


def _at(address: str, reference: ImageReference) -> Repository:
    parts = urlsplit(address)
    path = f"{parts.path.strip('/')}/{reference.repository}".lstrip("/")
    return Repository(f"{parts.scheme}://{parts.netloc}", path, reference.host, reference.repository)
