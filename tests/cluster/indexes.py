"""Package indexes inside a node: over a folder of a test's own wheels, or over all that this machine can get."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.buildah import machine_index
from tests.cluster.services import Login, Server
from tests.support.cache import cache_directory

if TYPE_CHECKING:
    from tests.cluster.node import Node


class Index(Server):
    """One package index, read by pip and by browsers (PEP 503).

    Attributes:
        simple: what ``pip --index-url`` takes, without credentials.
        wheels: folder that it serves; read at every request, so that files may be added.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        wheels: Path,
        *,
        login: Login | None = None,
        tls: bool = False,
        upstream: str | None = None,
    ) -> None:
        """Prepare an index; see ``Node.start_index`` and ``Node.start_mirror``."""
        super().__init__(node, name, 80, login=login, tls=tls)
        self.wheels, self._upstream = wheels, upstream
        self.simple = f"{self.url}/simple"

    def argv(self, address: str, port: int) -> list[str]:
        """Command line of the index."""
        argv = [sys.executable, "-m", "tests.cluster.packageindex", "--listen", f"{address}:{port}"]
        argv += ["--folder", str(self.wheels)]
        if self.login:
            argv += ["--login", f"{self.login.user}:{self.login.password}"]
        if self.certificate:
            argv += ["--certificate", str(self.certificate.crt), "--key", str(self.certificate.key)]
        return [*argv, "--upstream", self._upstream] if self._upstream else argv

    def requests(self) -> list[str]:
        """Return every request so far, as ``user GET path status``; the user is ``-`` where none was named."""
        return [line for line in self.log.splitlines() if " GET " in line]


def mirror_of_this_machine(node: Node, name: str) -> Index:
    """Return an index of all packages that this machine can get, which keeps what was asked for in the user's cache."""
    return Index(node, name, cache_directory("wheels"), upstream=machine_index())


def index_login(name: str, login: Login) -> dict[str, Any]:
    """Return a Secret with the credentials of an index."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/basic-auth"}
    return {**secret, "stringData": {"username": login.user, "password": login.password}}
