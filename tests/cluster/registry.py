"""The registries of the test bed: Debian's docker-registry over a folder."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.certificates import Certificate


def write_registry(
    path: Path,
    storage: Path,
    address: str,
    auth: Mapping[str, Any] | None = None,
    http: Mapping[str, Any] | None = None,
    *,
    users: Path | None = None,
    certificate: Certificate | None = None,
    read_only: bool = False,
) -> Path:
    """Write the configuration of a registry; images may be deleted, as tests of garbage collection do.

    Args:
        path: the file to write.
        storage: folder of its blobs.
        address: where to listen, ``host:port`` or ``:port``.
        auth: who may use it; everybody by default.
        http: more settings of its server, such as ``tls``.
        users: htpasswd file of those who may use it; everybody may by default.
        certificate: speak TLS with it; plain HTTP by default.
        read_only: refuse every push.
    """
    document: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": address, **(http or {})},
    }
    if auth:
        document["auth"] = dict(auth)
    if users:
        document["auth"] = {"htpasswd": {"realm": "registry", "path": str(users)}}
    if certificate:
        document["http"]["tls"] = {"certificate": str(certificate.crt), "key": str(certificate.key)}
    if read_only:
        document["storage"]["maintenance"] = {"readonly": {"enabled": True}}
    path.write_text(yaml.safe_dump(document))
    return path


def serves(address: str) -> bool:
    """Say whether a registry answers at ``host:port``."""
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
