"""Build and push images without Docker and without privileges beyond root: buildah with chroot isolation.

Nothing of the machine may get into a layer: package index settings and certificates are mounted for the time of the
build, never copied and never given as build arguments, which an image's history would show.
"""

import configparser
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pip._internal.models.index import PyPI

from tests.cluster.errors import ClusterError
from tests.cluster.packages import install_packages
from tests.cluster.progress import run_slowly
from tests.support.cache import cache_directory, locked

_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
DEFAULT_INDEX = str(PyPI.simple_url)
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
_IGNORED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def _store() -> Path:
    return cache_directory("images") / "buildah"


def buildah() -> list[str]:
    """Return the command, with the options that make it use the test bed's image store."""
    storage = _store()
    roots = ["--root", str(storage / "root"), "--runroot", str(storage / "run")]
    return ["buildah", "--storage-driver", "vfs", *roots]


def _pip_settings() -> dict[str, str]:
    """Return the machine's own pip settings that a build needs too: from its environment and its configuration."""
    listed = subprocess.run(["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = dict(line.split("=", 1) for line in listed.stdout.splitlines() if "=" in line)
    settings = {}
    for name in _PIP_SETTINGS:
        values = (found.get(f"{section}.{name}", "").strip("'\"") for section in (":env:", "install", "global"))
        value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}") or next(filter(None, values), "")
        if value:
            settings[name] = value
    return settings


def machine_index() -> str:
    """Return the package index that pip uses on this machine, as a URL that may hold credentials."""
    return _pip_settings().get("index-url", DEFAULT_INDEX)


def machine_authorities() -> str:
    """Return the certificates that this machine trusts, as PEM; an index behind a proxy may need its own."""
    return _BUNDLE.read_text()


def _pip_configuration() -> str:
    """Render the machine's pip settings as a configuration file."""
    parser = configparser.RawConfigParser()
    parser["global"] = {"cert": str(_BUNDLE), **_pip_settings()}
    with tempfile.TemporaryFile("w+") as file:
        parser.write(file)
        file.seek(0)
        return file.read()


@contextmanager
def _mounts() -> Iterator[list[str]]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as pip:
        pip.write(_pip_configuration())
        pip.flush()
        volumes = [f"{pip.name}:/etc/pip.conf:ro"]
        if _BUNDLE.exists():
            volumes.append(f"{_BUNDLE}:{_BUNDLE}:ro")
        yield [argument for volume in volumes for argument in ("--volume", volume)]


def content_key(context: Path, dockerfile: Path, build_args: Mapping[str, str]) -> str:
    """Hash of everything a build reads: the Dockerfile, its bases, the arguments, every file of the context."""
    digest = hashlib.sha256(dockerfile.read_bytes())
    for base in re.findall(r"^FROM\s+(\S+)", dockerfile.read_text(), re.MULTILINE):
        digest.update(_remembered(base).read_bytes() if _remembered(base).exists() else b"")
    digest.update(repr(sorted(build_args.items())).encode())
    for folder, folders, files in context.walk():
        folders[:] = sorted(set(folders) - _IGNORED)
        for name in sorted(files):
            path = folder / name
            digest.update(f"{path.relative_to(context)} {path.lstat().st_mode}".encode())
            digest.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return digest.hexdigest()


def _remembered(tag: str) -> Path:
    # Beside the images: who removes them removes what is remembered of them.
    folder = _store() / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / hashlib.sha256(tag.encode()).hexdigest()[:24]


def build_image(
    tag: str, context: Path, dockerfile: Path | None = None, build_args: Mapping[str, str] | None = None
) -> bool:
    """Build an image into the local image store, unless the same content was built under this tag before.

    Args:
        tag: full reference, as ``registry.local/llamastack/operator:dev``.
        context: folder that COPY and ADD read.
        dockerfile: default ``context/Dockerfile``. ``FROM`` finds the images of this module, such as
            ``docker.io/library/python:3.13-slim``; nothing is pulled.
        build_args: values of ARG instructions; they are visible in the image's history.

    Returns:
        Whether a build was needed.

    Raises:
        ClusterError: the build failed; the message ends with its output.
    """
    install_packages("buildah")
    dockerfile, build_args = dockerfile or context / "Dockerfile", build_args or {}
    key = content_key(context, dockerfile, build_args)
    with locked(cache_directory("images") / "build.lock"):
        if _remembered(tag).exists() and _remembered(tag).read_text() == key:
            return False
        arguments = [argument for item in build_args.items() for argument in ("--build-arg", "=".join(item))]
        with _mounts() as mounts:
            options = ["--isolation", "chroot", "--network", "host", "--pull-never", "--format", "oci"]
            what = ["--tag", tag, "--file", str(dockerfile), str(context)]
            argv = [*buildah(), "bud", *options, *mounts, *arguments, *what]
            run_slowly(f"building {tag}", argv, context, dict(os.environ))
        _remembered(tag).write_text(key)
    return True


def repository(tag: str) -> str:
    """Return a full reference without its registry, as ``library/python:3.13-slim``."""
    return tag.partition("/")[2]


def push(tag: str, registry: str) -> None:
    """Push a built image to a plain HTTP registry, under the same repository and tag.

    Args:
        tag: full reference it was built under.
        registry: ``host:port``.

    Raises:
        ClusterError: the push failed.
    """
    target = f"docker://{registry}/{repository(tag)}"
    argv = [*buildah(), "push", "--quiet", "--tls-verify=false", "--compression-format", "gzip", tag, target]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"pushing {tag} failed: {result.stderr.strip()}")
