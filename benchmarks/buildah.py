"""buildah, as somebody's own pipeline would use it: inside the node, with the fastest of its stores that works here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.cluster.indexes import Index
from tests.cluster.node import Node
from tests.cluster.spread import make_spread

_SECONDS = 900
# As fast a place as the node has for its volumes.
_STORES = Path("/var/tmp/bench-buildah")  # noqa: S108 - only root builds here


class Buildah:
    """One store of its own; a context manager that removes it.

    Args:
        node: buildah runs in its namespaces, where registry and index are.
        index: what pip asks.

    Attributes:
        driver: the store's driver.
    """

    def __init__(self, node: Node, index: Index) -> None:
        self._node, self._index = node, index
        make_spread(_STORES)
        self._folder = tempfile.TemporaryDirectory(dir=_STORES)
        self._root = Path(self._folder.name)
        (self._root / "pip.conf").write_text(f"[global]\nindex-url = {index.simple}\ntrusted-host = {index.name}\n")
        self.driver = "overlay"
        # overlay copies nothing where vfs copies the whole base for every layer; some file systems refuse it.
        if self._run("from", "scratch", check=False).returncode:
            self.driver = "vfs"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run("rm", "--all", check=False)
        self._node.exec(["umount", str(self._root / "root" / "overlay")], check=False)
        self._folder.cleanup()

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        place = ["--root", str(self._root / "root"), "--runroot", str(self._root / "run")]
        argv = ["buildah", "--storage-driver", self.driver, *place, *arguments]
        return self._node.exec(argv, check=check, timeout=_SECONDS)

    def containerfile(self, stack: dict[str, Any]) -> Path:
        """Write the Containerfile of a stack into a context of its own."""
        context = Path(tempfile.mkdtemp(dir=self._root))
        program = [sys.executable, "-m", "llamastack_operator.cli", "containerfile", "-"]
        done = subprocess.run(program, input=yaml.safe_dump(stack), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"llamastack containerfile: {done.stderr}")
        file = context / "Containerfile"
        file.write_text(done.stdout)
        return file

    def pull(self, image: str) -> None:
        """Have an image at hand."""
        self._run("pull", "--tls-verify=false", "--quiet", image)

    def build(self, file: Path, tag: str) -> None:
        """Build with the layer cache."""
        options = ["--layers", "--isolation", "chroot", "--network", "host", "--format", "oci", "--pull-never"]
        mounts = ["--volume", f"{self._root / 'pip.conf'}:/etc/pip.conf:ro"]
        self._run("bud", *options, *mounts, "--tag", tag, "--file", str(file), str(file.parent))

    def push(self, tag: str) -> None:
        """Push as gzip, which is what our layers are."""
        self._run("push", "--quiet", "--tls-verify=false", "--compression-format", "gzip", tag)

    def forget(self, base: str) -> None:
        """Remove every image and cached layer but the base."""
        self._run("rm", "--all", check=False)
        kept = self._run("images", "--quiet", "--no-trunc", base).stdout.split()
        for image in self._run("images", "--all", "--quiet", "--no-trunc").stdout.split():
            if image not in kept:
                self._run("rmi", "--force", image, check=False)
