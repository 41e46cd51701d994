"""Build the Go programs of the test bed once per machine and keep them outside the repository.

Kubernetes publishes no single file with all of its programs, and a test bed must not depend on an image registry.
The Go modules are published and checksummed, so ``kube/`` links one binary from them. A cold build takes minutes;
the cache key holds everything that can change the result, so nothing is built twice.
"""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.cluster.errors import CannotRunError
from tests.cluster.progress import run_slowly
from tests.support.cache import kept

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
_CONTAINERD_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")
_VARIABLES = {"CGO_ENABLED": "0", "GOWORK": "off"}


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How programs are made.

    Attributes:
        arguments: of ``go``; ``{target}`` stands for the folder that the programs go to.
        source: folder of the module that is built; None where the arguments name published ones.
        links: further names of a program, by their own name.
        unit: what one line of the output stands for.
        about: what progress lines add to the name.
    """

    arguments: tuple[str, ...]
    source: Path | None = None
    links: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    about: str = ""


def _install(*packages: str, tags: str = "") -> _Recipe:
    options = ("-v", "-trimpath", f"-tags={tags}", "-ldflags", _NO_DEBUG)
    return _Recipe(("install", *options, *packages), unit="packages")


_RECIPES = {
    "kube": _Recipe(
        ("build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", _LINK_KUBE, "-o", "{target}/kube", "."),
        SOURCES["kube"],
        links=(("kubectl", "kube"), ("kubelet", "kube")),
        unit="packages",
        about=" (cold: about 8 minutes)",
    ),
    "containerd": _install(
        *(f"github.com/containerd/containerd/v2/cmd/{name}@{CONTAINERD}" for name in _CONTAINERD_PROGRAMS),
        tags="no_btrfs,no_devmapper,no_zfs",
    ),
    "helm": _install(f"helm.sh/helm/v3/cmd/helm@{HELM}"),
    "pause": _Recipe(
        ("build", "-trimpath", "-ldflags", _NO_DEBUG, "-o", "{target}/pause", "main.go"), SOURCES["pause"]
    ),
}


def _go() -> str:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise CannotRunError(
            "Go is missing: the test bed builds Kubernetes from its Go modules; install Go 1.26 or later"
        )
    return go


@cache
def _compiler(source: Path | None) -> str:
    """Return the Go version that builds a module: the module may ask for another than the one that is installed."""
    argv = [_go(), "env", "GOVERSION"]
    return subprocess.run(argv, cwd=source, capture_output=True, text=True, check=True).stdout.strip()


def _ingredients(recipe: _Recipe) -> tuple[str | bytes, ...]:
    files = sorted(recipe.source.glob("*.*")) if recipe.source else []
    settings = (repr((recipe.arguments, recipe.links, sorted(_VARIABLES.items()))), platform.machine())
    return (*settings, _compiler(recipe.source), *(file.read_bytes() for file in files))


def binaries(name: str) -> Path:
    """Folder with the programs of ``kube``, ``containerd``, ``helm`` or ``pause``, built when they are missing.

    Raises:
        CannotRunError: Go is missing.
        ClusterError: the build failed.
    """
    recipe = _RECIPES[name]

    def build(target: Path) -> None:
        what = {"kube": "Kubernetes"}.get(name, name)
        argv = [_go(), *(word.replace("{target}", str(target)) for word in recipe.arguments)]
        environment = {**os.environ, **_VARIABLES, "GOBIN": str(target)}
        run_slowly(f"building {what}{recipe.about}", argv, recipe.source or target, environment, recipe.unit)
        for link, program in recipe.links:
            (target / link).symlink_to(program)

    return kept("bin", name, _ingredients(recipe), build)
