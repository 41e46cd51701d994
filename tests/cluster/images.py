"""The images every test cluster knows, built from distribution packages and published wheels.

No image registry is asked: the images carry the names that users write, and a node's registry answers for those names.
The registry's storage is kept in the cache, so a warm start neither builds nor pushes.
"""

import os
import platform
import re
import subprocess
import tempfile
from pathlib import Path

from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from tests.cluster.binaries import binaries
from tests.cluster.buildah import build_image, push
from tests.cluster.errors import CannotRunError
from tests.cluster.packages import install_packages, need_root
from tests.cluster.processes import Processes, free_port
from tests.cluster.progress import run_slowly
from tests.cluster.registry import serves, write_registry
from tests.cluster.runtime import PAUSE_IMAGE
from tests.support.cache import cache_directory, digest, locked

PYTHON_IMAGE = "docker.io/library/python:3.13-slim"
STARTER_RELEASE = Release("llama-stack", "0.7.3")
STARTER_IMAGE = f"docker.io/llamastack/distribution-starter:{STARTER_RELEASE.version}"
SUITE = "trixie"
_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
# What comes with Debian's pip and stays: pip removes nothing that is Debian's.
OF_DEBIAN = ("packaging",)
# What the bootstrap copied from this machine, and what python:3.13-slim has and Debian has not.
_HOOK = """\
rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin
rm -rf "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/var/log/*.log "$1"/var/log/apt "$1"/etc/apt/apt.conf.d/*proxy*
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
touch "$1"/etc/pip.conf
ln -s /usr/bin/python3 "$1"/usr/local/bin/python
"""
_FROM_TAR = """\
FROM scratch
ADD base.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""
_STARTER = f"""\
FROM {PYTHON_IMAGE}
COPY constraints.txt /
RUN pip install --no-cache-dir --root-user-action=ignore --no-deps --only-binary :all: -r /constraints.txt \\
    && pip check && rm /constraints.txt
ENTRYPOINT ["llama", "stack", "run"]
"""
_PAUSE = """\
FROM scratch
COPY pause /pause
USER 65535:65535
ENTRYPOINT ["/pause"]
"""


def mirror() -> str:
    """Return the Debian mirror that this machine itself uses.

    Raises:
        CannotRunError: its apt has no Debian source.
    """
    sources = Path("/etc/apt")
    for file in (*sources.glob("sources.list.d/*.sources"), *sources.glob("sources.list")):
        found = re.search(
            r"^(?:URIs:|deb\s+(?:\[[^]]*\]\s+)?)\s*(\S+/debian/?)(?:\s|$)", file.read_text(), re.MULTILINE
        )
        if found:
            return found[1]
    raise CannotRunError("no Debian mirror in this machine's apt sources; the base image is made from one")


def _base_key() -> str:
    return digest(SUITE, _PACKAGES, _HOOK, platform.machine())


def _base_tar() -> Path:
    tar = cache_directory("images") / f"base-{_base_key()}.tar"
    with locked(cache_directory("images") / "base.lock"):
        if not tar.exists():
            draft = tar.with_suffix(".draft.tar")
            options = ["--variant=minbase", f"--include={_PACKAGES}", f"--customize-hook={_HOOK}"]
            argv = ["mmdebstrap", *options, SUITE, str(draft), f"deb {mirror()} {SUITE} main"]
            run_slowly("bootstrapping the base image", argv, tar.parent, dict(os.environ))
            draft.rename(tar)
    return tar


def _known_good() -> str:
    """All that the starter image installs: the release and what it brings, each with its exact version."""
    lines = catalog.load_release(STARTER_RELEASE).constraints.splitlines(keepends=True)
    return "".join(line for line in lines if line.partition("==")[0] not in OF_DEBIAN)


def _build_from(tag: str, dockerfile: str, *files: tuple[str, Path | str]) -> None:
    """Build an image from a Dockerfile and files, each given as a path or as its text."""
    with tempfile.TemporaryDirectory(dir=cache_directory("images")) as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(dockerfile)
        for name, source in files:
            if isinstance(source, str):
                (context / name).write_text(source)
            else:
                (context / name).hardlink_to(source)
        build_image(tag, context)


def _build_all() -> None:
    _build_from(PAUSE_IMAGE, _PAUSE, ("pause", binaries("pause") / "pause"))
    _build_from(PYTHON_IMAGE, _FROM_TAR, ("base.tar", _base_tar()))
    _build_from(STARTER_IMAGE, _STARTER, ("constraints.txt", _known_good()))


def _key() -> str:
    return digest(_base_key(), _FROM_TAR, _STARTER, _known_good(), _PAUSE, binaries("pause").name)


def _push_all(storage: Path) -> None:
    """Fill a registry's storage through a registry that runs on loopback for that time only."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder))
        configuration = write_registry(Path(folder) / "registry.yaml", storage, f"127.0.0.1:{port}")
        processes.start("registry", ["docker-registry", "serve", str(configuration)])
        try:
            processes.wait_until("registry", lambda: serves(f"127.0.0.1:{port}"))
            for tag in (PAUSE_IMAGE, PYTHON_IMAGE, STARTER_IMAGE):
                push(tag, f"127.0.0.1:{port}")
        finally:
            processes.stop()


def ensure_images() -> Path:
    """Build and push what is missing, and return the folder that a registry serves them from.

    Raises:
        CannotRunError: not root, or no Debian mirror.
        ClusterError: a build failed.
    """
    cache = cache_directory("images")
    storage = cache / f"registry-{_key()}"
    with locked(cache / "images.lock"):
        if storage.exists():
            return storage
        need_root("building images")
        install_packages("buildah", "docker-registry", "mmdebstrap")
        _build_all()
        draft = Path(tempfile.mkdtemp(dir=cache, prefix="draft-"))
        _push_all(draft)
        draft.chmod(0o755)
        draft.rename(storage)
    return storage


def image_list(storage: Path) -> list[str]:
    """Names of the repositories in a registry's storage."""
    root = storage / "docker/registry/v2/repositories"
    found = subprocess.run(["find", str(root), "-name", "_manifests"], capture_output=True, text=True, check=True)
    return sorted(str(Path(line).parent.relative_to(root)) for line in found.stdout.splitlines())
