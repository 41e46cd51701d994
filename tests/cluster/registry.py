"""The registry of the test bed: Debian's docker-registry over a folder, plain HTTP."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def write_registry(
    path: Path,
    storage: Path,
    address: str,
    auth: Mapping[str, Any] | None = None,
    http: Mapping[str, Any] | None = None,
) -> Path:
    """Write the configuration of a registry; images may be deleted, as tests of garbage collection do.

    Args:
        path: the file to write.
        storage: folder of its blobs.
        address: where to listen, ``host:port`` or ``:port``.
        auth: who may use it; everybody by default.
        http: more settings of its server, such as ``tls``.
    """
    document: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": address, **(http or {})},
    }
    if auth:
        document["auth"] = dict(auth)
    path.write_text(yaml.safe_dump(document))
    return path


def serves(address: str) -> bool:
    """Say whether a registry answers at ``host:port``."""
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
