"""Further registries inside a node: with a password, with TLS, read-only, or failing in the middle of a push."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from tests.cluster.paths import Paths
from tests.cluster.registry import write_registry
from tests.cluster.runtime import registry_hosts
from tests.cluster.services import Login, Server

if TYPE_CHECKING:
    from tests.cluster.node import Node

# The node's own registry has 5000 at every address.
PLAIN_PORT = 5001
_BEHIND_RELAY = 5999
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class Registry(Server):
    """One registry; containerd pulls from it by its name, with TLS or without.

    Attributes:
        host: what image references of this registry begin with, ``auth.registry.local:5001`` or ``tls.registry.local``.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        *,
        login: Login | None = None,
        tls: bool = False,
        images: bool = False,
        read_only: bool = False,
    ) -> None:
        """Prepare a registry; see ``Node.start_registry``."""
        super().__init__(node, name, PLAIN_PORT, login=login, tls=tls)
        self._images, self._read_only = images, read_only
        self.storage = self.folder / "storage"
        self._fill()
        authority = self.authority.certificate.crt if tls else None
        registry_hosts(Paths(node.folder), self.host, self.url, authority)

    def _fill(self) -> None:
        self.storage.mkdir()
        if not self._images:
            return
        upper, work = self.folder / "upper", self.folder / "work"
        for path in (upper, work):
            path.mkdir()
        layers = f"lowerdir={self.node.record.images},upperdir={upper},workdir={work}"
        self.node.exec(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.storage)])

    def _empty(self) -> None:
        if self._images:
            self.node.exec(["umount", str(self.storage)], check=False)
        for name in ("storage", "upper", "work"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def argv(self, address: str, port: int) -> list[str]:
        """Command line of docker-registry with its configuration."""
        configuration = self.folder / "registry.yaml"
        users = self.folder / "htpasswd"
        if self.login:
            users.write_text(self.login.htpasswd())
        write_registry(
            configuration,
            self.storage,
            f"{address}:{port}",
            users=users if self.login else None,
            certificate=self.certificate,
            read_only=self._read_only,
        )
        return ["docker-registry", "serve", str(configuration)]

    def restart_failing_after(self, size: int) -> None:
        """Start it again so that it goes away for good once clients have sent ``size`` bytes, requests included.

        A push of more than that fails in its middle, at the same place each time. ``stop`` and ``start`` bring it
        back.
        """
        self.stop()
        self._run(self.argv("127.0.0.1", _BEHIND_RELAY))
        relay = ["-m", "tests.cluster.relay", f"{self.address}:{self.port}", f"127.0.0.1:{_BEHIND_RELAY}", str(size)]
        self._run([sys.executable, *relay])
        self._wait()

    def wipe(self) -> None:
        """Lose everything, the images it began with too, and run on."""
        self.stop()
        self._empty()
        self._images = False
        self._fill()
        self.start()

    def close(self) -> None:
        """Stop it and remove its storage. Calling it again does nothing."""
        self.stop()
        self._empty()
        super().close()

    def tags(self, repository: str) -> list[str]:
        """Tags of a repository; none where it does not exist."""
        return json.loads(self.curl(f"/v2/{repository}/tags/list")).get("tags") or []

    def manifest(self, repository: str, reference: str) -> dict[str, Any]:
        """Manifest or index of a tag or digest."""
        accept = ["--header", f"Accept: {', '.join(_ACCEPT)}"]
        found: dict[str, Any] = json.loads(self.curl(f"/v2/{repository}/manifests/{reference}", *accept))
        return found

    def stored_bytes(self) -> int:
        """Size of all blobs that were pushed here."""
        blobs = (self.folder / ("upper" if self._images else "storage")).rglob("blobs/sha256/*/*/data")
        return sum(blob.stat().st_size for blob in blobs)


def docker_config(name: str, logins: dict[str, Login]) -> dict[str, Any]:
    """Return a Secret with credentials by registry, as ``kubectl create secret docker-registry`` makes it.

    Args:
        name: name of the Secret.
        logins: ``Registry.host`` to its login.
    """
    auths = {host: {"username": login.user, "password": login.password} for host, login in logins.items()}
    data = {".dockerconfigjson": json.dumps({"auths": auths})}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
    return {**secret, "type": "kubernetes.io/dockerconfigjson"}
