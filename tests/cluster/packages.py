"""Debian packages that a node, its images and the tests of shells need, installed when they are missing.

They are ordinary distribution packages; asking every developer to install ten of them by hand would only make sure
that the node tests are never run.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import CannotRunError, ClusterError
from tests.cluster.progress import say
from tests.support.cache import cache_directory, locked

# Package -> a file that it installs.
_PACKAGES = {
    "buildah": "/usr/bin/buildah",
    "conntrack": "/usr/sbin/conntrack",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "docker-registry": "/usr/bin/docker-registry",
    "fish": "/usr/bin/fish",
    "iproute2": "/usr/sbin/ip",
    "iptables": "/usr/sbin/iptables",
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "runc": "/usr/sbin/runc",
    "zsh": "/usr/bin/zsh",
}
_NO_SERVICES = Path("/usr/sbin/policy-rc.d")


def need_root(what: str) -> None:
    """Refuse to go on without root.

    Raises:
        CannotRunError: this process is not root.
    """
    if os.geteuid():
        raise CannotRunError(f"{what} needs root: network namespaces, mounts and iptables; run as root or with sudo")


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Keep the packages from starting their services: the node runs the registry itself, inside its namespaces."""
    ours = not _NO_SERVICES.exists()
    if ours:
        _NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
        _NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _NO_SERVICES.unlink()


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(["apt-get", *arguments], capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise ClusterError(f"apt-get {' '.join(arguments)} failed:\n{result.stderr[-2000:]}")


def _missing(packages: Iterable[str]) -> list[str]:
    return [package for package in packages if not Path(_PACKAGES[package]).exists()]


def install_packages(*packages: str) -> None:
    """Install those of the packages that are missing; all that the test bed knows by default.

    Raises:
        CannotRunError: not root, or not a Debian system.
        ClusterError: apt-get failed.
    """
    wanted = packages or tuple(_PACKAGES)
    if not _missing(wanted):
        return
    need_root(f"installing {', '.join(_missing(wanted))}")
    if shutil.which("apt-get") is None:
        raise CannotRunError(f"these packages are missing and there is no apt-get: {', '.join(_missing(wanted))}")
    with locked(cache_directory("bin") / "packages.lock"):
        missing = _missing(wanted)
        if not missing:
            return
        say(f"installing Debian packages: {' '.join(missing)}")
        with _services_stay_off():
            _apt_get("update", "-q")
            _apt_get("install", "-q", "-y", "--no-install-recommends", *missing)
