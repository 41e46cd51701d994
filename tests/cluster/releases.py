"""Images of releases beside the starter's, for tests and benchmarks that ask for one: built once per machine.

They are no part of what every node has: who wants one pushes it. A release is installed with the exact version of all
that it brings, as in the environments of the conformance tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from tests.cluster.buildah import build_image
from tests.cluster.images import OF_DEBIAN, PYTHON_IMAGE, STARTER_IMAGE, STARTER_RELEASE, ensure_images
from tests.packages.build import Package, make_wheel
from tests.packages.index import write_index
from tests.pins import pins
from tests.support.cache import cache_directory

_RELEASE = f"""\
FROM {PYTHON_IMAGE}
COPY constraints.txt /
RUN pip install --no-cache-dir --root-user-action=ignore --no-deps --only-binary :all: -r /constraints.txt \\
    && pip check && rm /constraints.txt
"""
_WITH_PACKAGES = """\
FROM {base}
COPY index /index
RUN pip install --no-cache-dir --root-user-action=ignore --no-deps --index-url file:///index/simple {wanted} \\
    && rm -r /index
"""


def release_image(name: str) -> str:
    """Build the image of a release, unless it was built before, and return its name, which is that of upstream's.

    Args:
        name: the release, such as `0.2.23` or `ogx-1.5.0`.

    Raises:
        CannotRunError: not root, or no Debian mirror.
        ClusterError: the build failed.
    """
    ensure_images()
    release = Release.parse(name)
    if release == STARTER_RELEASE:
        return STARTER_IMAGE
    owner = "llamastack" if release.package == "llama-stack" else release.package
    image = f"docker.io/{owner}/distribution-starter:{release.version}"
    with tempfile.TemporaryDirectory(dir=cache_directory("images")) as folder:
        Path(folder, "constraints.txt").write_text("".join(f"{line}\n" for line in _all_that(release)))
        Path(folder, "Dockerfile").write_text(_RELEASE)
        build_image(image, Path(folder))
    return image


def image_with(name: str, tag: str, packages: Iterable[Package]) -> str:
    """Build an image of a release with further packages, installed from an index, and return its name.

    Args:
        name: the release.
        tag: full name of the image.
        packages: the packages; what they ask for has to be there.
    """
    base, made = release_image(name), list(packages)
    with tempfile.TemporaryDirectory(dir=cache_directory("images")) as folder:
        context = Path(folder)
        with tempfile.TemporaryDirectory() as wheels:
            write_index([make_wheel(package, Path(wheels)) for package in made], context / "index")
        wanted = " ".join(f"{package.name}=={package.version}" for package in made)
        (context / "Dockerfile").write_text(_WITH_PACKAGES.format(base=base, wanted=wanted))
        build_image(tag, context)
    return tag


def _all_that(release: Release) -> list[str]:
    lines = [*catalog.load_release(release).constraints.splitlines(), *pins(str(release))]
    return [line for line in lines if line.partition("==")[0] not in OF_DEBIAN]
