"""Build the Go programs of the test bed once per machine and keep them outside the repository.

Kubernetes publishes no single file with all of its programs, and a test bed must not depend on an image registry.
The Go modules are published and checksummed, so ``kube/`` links one binary from them. A cold build takes minutes;
the cache key holds everything that can change the result, so nothing is built twice.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import CannotRunError, ClusterError

KUBERNETES = "1.37.2"
CONTAINERD = "v2.3.5"
HELM = "v3.22.0"

SOURCE = Path(__file__).parent / "kube"
PROGRESS_SECONDS = 15
_NO_DEBUG = "-s -w"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_LINK_KUBE = " ".join(
    [
        _NO_DEBUG,
        f"-X {_VERSION_PACKAGE}.gitVersion=v{KUBERNETES}",
        f"-X {_VERSION_PACKAGE}.gitMajor={KUBERNETES.split('.')[0]}",
        f"-X {_VERSION_PACKAGE}.gitMinor={KUBERNETES.split('.')[1]}",
    ]
)


def cache_directory(kind: str) -> Path:
    """Folder of the user's cache for one kind of artefact (``bin``, ``images``), made when missing."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("LLAMASTACK_CACHE") or user_cache / "llamastack-operator")
    folder = root / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``, so that two test runs do not build the same thing at once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def say(message: str) -> None:
    """One line of progress, on standard error to keep standard output for results."""
    print(f"[cluster] {message}", file=sys.stderr, flush=True)


def run_slowly(what: str, argv: list[str], cwd: Path, environment: dict[str, str]) -> None:
    """Run a long command at low priority with a progress line every 15 s; its output is shown only when it fails.

    Raises:
        ClusterError: the command failed; the message ends with its last 40 lines.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(["nice", *argv], cwd=cwd, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=PROGRESS_SECONDS)
                except subprocess.TimeoutExpired:
                    say(f"{what}: {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
        if process.returncode:
            log.seek(0)
            raise ClusterError(f"{what} failed:\n{''.join(log.readlines()[-40:])}")


def _go_environment(target: Path) -> tuple[str, dict[str, str]]:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise CannotRunError(
            "Go is missing: the test bed builds Kubernetes from its Go modules; install Go 1.26 or later"
        )
    return go, {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(target), "GOWORK": "off"}


def _build_kube(target: Path) -> None:
    go, environment = _go_environment(target)
    argv = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", _LINK_KUBE, "-o", str(target / "kube"), "."]
    run_slowly("building Kubernetes (cold: about 8 minutes)", argv, SOURCE, environment)
    for name in ("kubectl", "kubelet"):
        (target / name).symlink_to("kube")


def _install(target: Path, packages: list[str], tags: str = "") -> None:
    go, environment = _go_environment(target)
    argv = [go, "install", "-trimpath", f"-tags={tags}", "-ldflags", _NO_DEBUG, *packages]
    run_slowly(f"building {packages[0].rsplit('/', 1)[-1]}", argv, target, environment)


def _build_containerd(target: Path) -> None:
    names = ("containerd", "containerd-shim-runc-v2", "ctr")
    packages = [f"github.com/containerd/containerd/v2/cmd/{name}@{CONTAINERD}" for name in names]
    _install(target, packages, "no_btrfs,no_devmapper,no_zfs")


def _build_helm(target: Path) -> None:
    _install(target, [f"helm.sh/helm/v3/cmd/helm@{HELM}"])


_BUILDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "kube": (_build_kube, KUBERNETES),
    "containerd": (_build_containerd, CONTAINERD),
    "helm": (_build_helm, HELM),
}


def _key(name: str, version: str) -> str:
    digest = hashlib.sha256(f"{name} {version} {_LINK_KUBE}".encode())
    if name == "kube":
        for file in ("go.mod", "go.sum", "main.go"):
            digest.update((SOURCE / file).read_bytes())
    return f"{name}-{digest.hexdigest()[:16]}"


def binaries(name: str) -> Path:
    """Folder with the programs of ``kube``, ``containerd`` or ``helm``, built when this machine has not got them.

    Raises:
        CannotRunError: Go is missing.
        ClusterError: the build failed.
    """
    build, version = _BUILDERS[name]
    cache = cache_directory("bin")
    folder = cache / _key(name, version)
    if folder.is_dir():
        return folder
    with locked(cache / f"{name}.lock"):
        if folder.is_dir():
            return folder
        with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as scratch:
            target = Path(scratch) / "bin"
            target.mkdir()
            build(target)
            target.rename(folder)
    return folder
