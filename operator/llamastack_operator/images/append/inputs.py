"""Reads `build.json`: what one build is about, as far as its programs of the operator's image need it."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from llamastack_contract.build_json import FORGED_HINT, BuildJson, OtherFileError, as_told
from llamastack_contract.paths import LAYERS
from llamastack_contract.shape import ShapeError
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.reference import ImageReference, parse_reference

# As Go names them, which images do too.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_ROOT = re.compile(rf"{LAYERS}/[a-z]+")


@dataclass(frozen=True)
class PushInputs(BuildJson):
    """One build, as those programs see it that talk to a registry."""

    @property
    def written_key(self) -> str:
        """The key that the image holds: that of the same build without a fresh look, which may find nothing new."""
        return self.image_key or self.key

    @property
    def endpoints(self) -> Endpoints:
        """Where registries are reached."""
        known = self.registries
        return Endpoints(known.mirrors, frozenset(known.insecure), known.addresses)

    @property
    def base_reference(self) -> ImageReference:
        """The base, at its digest where that is known already.

        Raises:
            BuildError: it is no image reference.
        """
        reference = _reference(self.base.image, "the base image")
        return reference.at(self.base.digest) if self.base.digest else reference

    @property
    def target(self) -> ImageReference:
        """The repository to push to.

        Raises:
            BuildError: it is no repository, or none is set.
        """
        reference = _reference(self.repository or "", "spec.build.repository")
        if reference.tag or reference.digest:
            raise BuildError("BuildFailed", f"spec.build.repository {self.repository!r} must have no tag and no digest")
        return reference

    @property
    def wanted_platform(self) -> str:
        """The platform to build for: what was asked for, else this node's own, for example `linux/amd64`."""
        machine = platform.machine()
        return self.platform or f"linux/{_ARCHITECTURES.get(machine, machine)}"


def read_inputs(path: Path, digest: str | None = None) -> PushInputs:
    """Read `build.json`.

    Args:
        path: the file.
        digest: of its bytes; None where the program was told of none.

    Raises:
        BuildError: it is another one than was told of, or not what the operator writes.
    """
    try:
        inputs = PushInputs.parse(as_told(path.read_bytes(), digest))
        if not _ROOT.fullmatch(inputs.layer.root):
            raise ShapeError("layer.root is no layer's place")
    except OtherFileError as error:
        raise BuildError("Tampered", f"{path.name} is not what the operator wrote: {error}", FORGED_HINT) from error
    except (OSError, ValueError) as error:
        where = f": {error}" if isinstance(error, ShapeError) else ""
        raise BuildError("BuildFailed", f"{path.name} is not what this operator version reads{where}") from error
    return inputs


def _reference(text: str, what: str) -> ImageReference:
    try:
        return parse_reference(text)
    except ValueError as error:
        raise BuildError("BuildFailed", f"{what}: {error}", "write it as registry/path/name") from None
