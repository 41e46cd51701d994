"""kubectl as a Python function: the tests apply manifests the way a user does, and see kubectl's own errors."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.certificates import Certificate

SECONDS = 120


class KubectlError(RuntimeError):
    """kubectl ended with an error; ``stderr`` and ``stdout`` hold what it wrote."""

    def __init__(self, arguments: tuple[str, ...], result: subprocess.CompletedProcess[str]) -> None:
        self.stderr, self.stdout = result.stderr, result.stdout
        super().__init__(f"kubectl {' '.join(arguments)}: {result.stderr.strip() or result.stdout.strip()}")


def eventually[T](
    question: Callable[[], T],
    seconds: float = 30,
    *,
    retry: type[Exception] | tuple[type[Exception], ...] = KubectlError,
) -> T:
    """Ask again until there is no error: a cluster's caches (RBAC, admission, Services) follow with a delay.

    Args:
        question: something that asks the cluster.
        seconds: longest time to wait; then the last error is raised.
        retry: errors that may go away.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except retry:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def encode_manifests(manifests: Any) -> str:
    """Render one object, a list of objects or ready text for standard input."""
    if isinstance(manifests, str):
        return manifests
    return yaml.safe_dump_all(manifests if isinstance(manifests, list) else [manifests])


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl for one cluster and, when ``namespace`` is set, one namespace."""

    program: Path
    kubeconfig: Path
    namespace: str | None = None

    def __call__(self, *arguments: str, stdin: Any = None, timeout: float = SECONDS) -> str:
        """Run kubectl and return its standard output.

        Args:
            arguments: as on the command line.
            stdin: text, an object or a list of objects, for ``-f -``.
            timeout: longest run in seconds.

        Raises:
            KubectlError: kubectl failed; the message holds its standard error.
        """
        where = ["-n", self.namespace] if self.namespace else []
        argv = [str(self.program), "--kubeconfig", str(self.kubeconfig), *where, *arguments]
        text = None if stdin is None else encode_manifests(stdin)
        result = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=timeout, check=False)
        if result.returncode:
            raise KubectlError(arguments, result)
        return result.stdout

    def json(self, *arguments: str, stdin: Any = None) -> Any:
        """Run kubectl with ``-o json`` and return the parsed object."""
        return json.loads(self(*arguments, "-o", "json", stdin=stdin))

    def apply(self, manifests: Any) -> str:
        """Server-side apply of text, an object or a list of objects."""
        return self("apply", "--server-side", "-f", "-", stdin=manifests)

    def within(self, namespace: str) -> "Kubectl":
        """Return the same kubectl with another default namespace."""
        return Kubectl(self.program, self.kubeconfig, namespace)


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write_kubeconfig(path: Path, server: str, authority: Path, user: Certificate | str) -> Path:
    """Write a kubeconfig that holds everything it needs, so that it can be copied or mounted elsewhere.

    Args:
        path: the file to write, readable by its owner only.
        server: URL of the API server.
        authority: certificate of the cluster's authority.
        user: a client certificate, or a bearer token.
    """
    if isinstance(user, Certificate):
        credentials = {"client-certificate-data": _inline(user.crt), "client-key-data": _inline(user.key)}
    else:
        credentials = {"token": user}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": _inline(authority)}}],
        "users": [{"name": "test", "user": credentials}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(yaml.safe_dump(document))
    return draft.rename(path)
