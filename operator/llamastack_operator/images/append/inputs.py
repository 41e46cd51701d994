"""Reads `build.json`: what one build is about, as far as its programs of the operator's image need it."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.reference import ImageReference, parse_reference

# As Go names them, which images do too.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class BaseInput(_Part):
    """The image that a build starts from; the digest is set once it is known."""

    image: str
    digest: str | None = None


class LayerInput(_Part):
    """What a build makes: the kind of layer and its place in the image."""

    kind: Literal["stack", "modules"]
    root: str = Field(pattern=r"^/opt/llamastack/[a-z]+$")


class Registries(_Part):
    """The operator's settings for registries: mirrors and addresses by host, and hosts that speak plain HTTP."""

    mirrors: dict[str, str] = {}
    addresses: dict[str, str] = {}
    insecure: list[str] = []


class PushInputs(_Part):
    """One build, as the controller wrote it."""

    format: Literal[1]
    key: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    image_key: str = Field(default="", pattern=r"^([0-9a-f]{8,64})?$")
    strategy: Literal["Image", "Start"] = "Image"
    base: BaseInput
    layer: LayerInput
    repository: str | None = None
    before: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    platform: str | None = None
    labels: dict[str, str] = {}
    registries: Registries = Registries()

    @property
    def written_key(self) -> str:
        """The key that the image holds: that of the same build without a fresh look, which may find nothing new."""
        return self.image_key or self.key

    @property
    def endpoints(self) -> Endpoints:
        """Where registries are reached."""
        return Endpoints(self.registries.mirrors, frozenset(self.registries.insecure), self.registries.addresses)

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


def read_inputs(path: Path) -> PushInputs:
    """Read `build.json`.

    Raises:
        BuildError: it is not what the operator writes.
    """
    try:
        return PushInputs.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        places = (
            {".".join(map(str, problem["loc"])) for problem in error.errors()}
            if isinstance(error, ValidationError)
            else {}
        )
        where = f" at {', '.join(sorted(places))}" if places else ""
        raise BuildError("BuildFailed", f"{path.name} is not what this operator version reads{where}") from error


def _reference(text: str, what: str) -> ImageReference:
    try:
        return parse_reference(text)
    except ValueError as error:
        raise BuildError("BuildFailed", f"{what}: {error}", "write it as registry/path/name") from None
