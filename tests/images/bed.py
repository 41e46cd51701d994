"""Real registries on loopback, and small images in them that were put there without the client under test."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import socket
import tarfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.errors import Action
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.retry import Backoff
from llamastack_operator.images.registry.transport import Transport
from tests.cluster.processes import Processes, free_port
from tests.cluster.registry import write_registry

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
# Fast, but patient enough for a registry that is started again.
QUICK = Backoff(attempts=6, first=0.02, most=2)


class Registry:
    """One docker-registry; it can be killed and started again with the same storage."""

    def __init__(self, folder: Path, **settings: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.storage = folder / "storage"
        http = {"secret": "as long as it stays the same", **settings.pop("http", {})}
        self._configuration = write_registry(
            folder / "registry.yaml", self.storage, self.host, settings.get("auth"), http
        )
        self._folder = folder
        self._processes = Processes(folder)
        self.start()

    def start(self) -> None:
        self._processes = Processes(self._folder)
        self._processes.start("registry", ["docker-registry", "serve", str(self._configuration)])
        self._processes.wait_until("registry", self._listens)

    def stop(self) -> None:
        self._processes.stop()

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(plain_http=[self.host])

    def client(self, repository: str, action: Action = "pull", credential: Credential | None = None) -> Client:
        reference = parse_reference(f"{self.host}/{repository}")
        place = self.endpoints.push(reference)
        return Client(Transport(self.endpoints), place, action, credential, QUICK)

    def holds(self, repository: str, digest: str) -> bool:
        links = self.storage / "docker/registry/v2/repositories" / repository / "_layers/sha256"
        return (links / digest.removeprefix("sha256:")).exists()

    def lose(self, repository: str, digest: str) -> None:
        """Forget that a repository has a layer or a manifest."""
        folder = self.storage / "docker/registry/v2/repositories" / repository
        for kind in ("_layers", "_manifests/revisions"):
            shutil.rmtree(folder / kind / digest.replace(":", "/"), ignore_errors=True)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def call(method: str, url: str, body: bytes | None = None, media_type: str = "application/octet-stream") -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": media_type}, method=method)  # noqa: S310 - loopback
    return urllib.request.urlopen(request, timeout=10)  # noqa: S310 - loopback


def put_blob(registry: Registry, repository: str, content: bytes) -> dict[str, Any]:
    started = call("POST", f"http://{registry.host}/v2/{repository}/blobs/uploads/", b"")
    location = started.headers["Location"]
    call("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest(content)}", content)
    return {"digest": digest(content), "size": len(content)}


def put_manifest(registry: Registry, repository: str, tag: str, document: Mapping[str, Any]) -> str:
    content = json.dumps(document).encode()
    call("PUT", f"http://{registry.host}/v2/{repository}/manifests/{tag}", content, document["mediaType"])
    return digest(content)


def get(registry: Registry, path: str, accept: str = OCI) -> Any:
    request = urllib.request.Request(f"http://{registry.host}/v2/{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def put_image(
    registry: Registry,
    repository: str,
    tag: str = "1",
    docker: bool = False,
    architecture: str = "amd64",
    layers: int = 2,
    environment: tuple[str, ...] = ("PATH=/usr/bin:/bin",),
) -> str:
    """Put a small image into a registry, by urllib alone, and return the digest of its manifest."""
    raw = [archive({f"etc/layer-{number}": f"{repository} {number}\n".encode()}) for number in range(layers)]
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2024-05-05T05:05:05Z",
        "config": {"Env": list(environment), "Cmd": ["python3"], "Labels": {"base": "yes"}},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in raw]},
        "history": [{"created": "2024-05-05T05:05:05Z", "created_by": f"layer {number}"} for number in range(layers)],
    }
    vendor = "application/vnd.docker" if docker else "application/vnd.oci.image"
    layer_type = f"{vendor}.image.rootfs.diff.tar.gzip" if docker else f"{vendor}.layer.v1.tar+gzip"
    config_type = f"{vendor}.container.image.v1+json" if docker else f"{vendor}.config.v1+json"
    blobs = [put_blob(registry, repository, gzip.compress(layer, mtime=0)) for layer in raw]
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER if docker else OCI,
        "config": {"mediaType": config_type, **put_blob(registry, repository, json.dumps(config).encode())},
        "layers": [{"mediaType": layer_type, **blob} for blob in blobs],
    }
    return put_manifest(registry, repository, tag, manifest)


def failure(error: BuildError) -> tuple[str, bool]:
    """What a test compares of a failure."""
    return error.reason, error.retry
