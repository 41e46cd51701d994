"""Servers that a test starts inside a node by need: registries and package indexes with passwords, TLS and faults.

Each has a name that pods and the node know (``runtime.SERVICE_NAMES``), an address of its own and the standard port.
It runs in the node's namespaces, so that it is seen by this node alone and ends with it.
"""

from __future__ import annotations

import ctypes
import re
import secrets
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.cluster.certificates import Authority, Certificate
from tests.cluster.errors import ClusterError
from tests.cluster.processes import last_lines
from tests.cluster.runtime import SERVICE_ADDRESSES

if TYPE_CHECKING:
    from tests.cluster.node import Node

_SECONDS_TO_START = 20
_NO_CONNECTION = "000"


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password of a registry or an index."""

    user: str = "robot"
    password: str = "correct-horse"  # noqa: S105 - of a test

    def htpasswd(self) -> str:
        """Line of an htpasswd file, with bcrypt, which is all that docker-registry takes."""
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
        crypt.restype = ctypes.c_char_p
        salt = re.sub(r"[^A-Za-z0-9]", "x", secrets.token_urlsafe(16))[:22]
        return f"{self.user}:{crypt(self.password.encode(), f'$2y$05${salt}'.encode()).decode()}\n"


class Server(ABC):
    """One server inside a node; a context manager that takes it away, with all that it stored, at the end.

    Attributes:
        name: its name for pods and for the node.
        address: its address there.
        folder: its files.
        login: who may use it; everybody, where it is None.
        url: where it answers.
    """

    def __init__(self, node: Node, name: str, port: int, *, login: Login | None = None, tls: bool = False) -> None:
        """Prepare a server that does not run yet.

        Args:
            node: where it runs.
            name: one of ``runtime.SERVICE_NAMES``.
            port: its port without TLS; with TLS it is 443.
            login: who may use it.
            tls: speak HTTPS, with a certificate of an authority that nobody knows (``ca``).

        Raises:
            ClusterError: the name is none of the node's, or another server has it.
        """
        if name not in SERVICE_ADDRESSES:
            raise ClusterError(f"nodes know no server {name!r}; there are: {', '.join(SERVICE_ADDRESSES)}")
        self.node, self.name, self.login = node, name, login
        self.address, self.port = SERVICE_ADDRESSES[name], 443 if tls else port
        self.authority = Authority(node.folder / "services-pki")
        self.certificate: Certificate | None = self.authority.issue(name, names=(name, self.address)) if tls else None
        # TLS clients take 443 for granted; containerd and pip take 80 for granted, which no registry here has.
        self.host = name if self.port in (80, 443) else f"{name}:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.folder = node.folder / "services" / name
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError:
            raise ClusterError(f"{name} is in use already; close it first or take another name") from None

    @property
    def ca(self) -> str:
        """Certificate of the authority that signed this server's, as PEM."""
        return self.authority.certificate.crt.read_text()

    @property
    def log(self) -> str:
        """What the server has logged so far; an index logs each request with the user that sent it."""
        log = self._log()
        return log.read_text(errors="replace") if log.exists() else ""

    def _log(self) -> Path:
        return self.node.folder / "logs" / f"{self.name}.log"

    @abstractmethod
    def argv(self, address: str, port: int) -> list[str]:
        """Command line of the server, listening there."""

    def start(self) -> Self:
        """Start it, unless it runs, and wait until it answers.

        Raises:
            ClusterError: it did not start; the message holds the end of its log.
        """
        if not self._processes:
            self._run(self.argv(self.address, self.port))
            self._wait()
        return self

    def _run(self, argv: list[str]) -> None:
        self._processes.append(self.node.spawn(argv, self._log()))

    def _wait(self) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        while self.status("/") == _NO_CONNECTION:
            ended = any(process.poll() is not None for process in self._processes)
            if ended or time.monotonic() > deadline:
                self.stop()
                raise ClusterError(f"{self.name} did not start; end of its log:\n{last_lines(self._log())}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it as a crash would; what it stored is kept. Calling it again does nothing."""
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()
        while self.status("/") != _NO_CONNECTION:
            time.sleep(0.05)

    def curl(self, path: str, *options: str) -> str:
        """Fetch from the server with its own login and authority, as a client inside the node.

        Args:
            path: begins with a slash.
            options: further options of curl.
        """
        login = ["--user", f"{self.login.user}:{self.login.password}"] if self.login else []
        trust = ["--cacert", str(self.authority.certificate.crt)] if self.certificate else []
        argv = ["curl", "--silent", "--max-time", "20", "--noproxy", "*", *login, *trust, *options, f"{self.url}{path}"]
        return self.node.exec(argv, check=False).stdout

    def status(self, path: str) -> str:
        """Return the status code of an answer, or ``000`` where nobody answers."""
        return self.curl(path, "--output", "/dev/null", "--write-out", "%{http_code}") or _NO_CONNECTION

    def close(self) -> None:
        """Stop it and remove what it stored. Calling it again does nothing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
