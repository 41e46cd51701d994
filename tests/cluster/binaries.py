"""Build the Go programs of the test bed once per machine and keep them outside the repository.

Kubernetes publishes no single file with all of its programs, and a test bed must not depend on an image registry.
The Go modules are published and checksummed, so ``kube/`` links one binary from them. A cold build takes minutes;
the cache key holds everything that can change the result, so nothing is built twice.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.cluster.errors import CannotRunError
from tests.cluster.progress import run_slowly
from tests.support.cache import cache_directory, locked

KUBERNETES = "1.37.2"
CONTAINERD = "v2.3.5"
HELM = "v3.22.0"

SOURCES = {name: Path(__file__).parent / name for name in ("kube", "pause")}
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


def _go_environment(target: Path) -> tuple[str, dict[str, str]]:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise CannotRunError(
            "Go is missing: the test bed builds Kubernetes from its Go modules; install Go 1.26 or later"
        )
    return go, {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(target), "GOWORK": "off"}


def _build_kube(target: Path) -> None:
    go, environment = _go_environment(target)
    argv = [go, "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", _LINK_KUBE, "-o", str(target / "kube"), "."]
    run_slowly("building Kubernetes (cold: about 8 minutes)", argv, SOURCES["kube"], environment, "packages")
    for name in ("kubectl", "kubelet"):
        (target / name).symlink_to("kube")


def _build_pause(target: Path) -> None:
    go, environment = _go_environment(target)
    argv = [go, "build", "-trimpath", "-ldflags", _NO_DEBUG, "-o", str(target / "pause"), "main.go"]
    run_slowly("building pause", argv, SOURCES["pause"], environment)


def _install(target: Path, packages: list[str], tags: str = "") -> None:
    go, environment = _go_environment(target)
    argv = [go, "install", "-v", "-trimpath", f"-tags={tags}", "-ldflags", _NO_DEBUG, *packages]
    run_slowly(f"building {packages[0].rsplit('/', 1)[-1]}", argv, target, environment, "packages")


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
    "pause": (_build_pause, "1"),
}


def _key(name: str, version: str) -> str:
    digest = hashlib.sha256(f"{name} {version} {_LINK_KUBE}".encode())
    if name in SOURCES:
        for file in sorted(SOURCES[name].glob("*.*")):
            digest.update(file.read_bytes())
    return f"{name}-{digest.hexdigest()[:16]}"


def binaries(name: str) -> Path:
    """Folder with the programs of ``kube``, ``containerd``, ``helm`` or ``pause``, built when they are missing.

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
