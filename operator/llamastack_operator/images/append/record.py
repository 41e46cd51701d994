"""What an installation says about itself, and how it gets from the build's pod to the operator.

The file was written beside a tenant's code, so it is read strictly and within bounds, on both sides. A termination
message is too small for it: it is printed between two marks, compressed, and the message holds its digest.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.referrers import canonical_json

FILE = "llamastack.json"
"""Name of the record in the root of a layer."""
SIZE_LIMIT = 4 << 20
"""Most bytes of a record."""
_BEGIN, _END = "record-begin", "record-end"

type _Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=128)]
type _Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.!+_-]+$", max_length=128)]
type _Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
    )


class Locked(_Part):
    """One file of the lock: what was installed, with its hash, and where it came from."""

    name: _Name
    version: _Version
    file: _Line
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    index: int | _Line | None = None
    url: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]*$", max_length=2048)] | None = None


class Distribution(_Part):
    """An installed distribution."""

    name: _Name
    version: _Version
    license: _Line | None = None


class Provider(_Part):
    """What a module's `get_provider_spec` offers."""

    api: _Line
    type: _Line


class Module(_Part):
    """An external provider module, as it was found once installed."""

    requirement: _Line
    distribution: _Name
    version: _Version
    import_name: _Line
    providers: list[Provider] = Field(max_length=64)


class Record(_Part):
    """The record of one layer: its lock, what is installed in it, and what its base had."""

    format: Literal[1]
    kind: Literal["stack", "modules"]
    python: str = Field(pattern=r"^3\.[0-9]{1,2}$")
    lock: list[Locked] = Field(max_length=4096)
    installed: list[Distribution] = Field(max_length=4096)
    base: list[Distribution] = Field(max_length=4096)
    modules: list[Module] = Field(max_length=256)

    def content(self) -> bytes:
        """Return the record as JSON, always the same bytes for the same record."""
        return canonical_json(self.model_dump(mode="json", exclude_none=False))


def read_record(root: Path) -> Record:
    """Read the record in the root of a layer.

    Raises:
        BuildError: reason `Tampered`: it is missing, a link, too large, or not what the installer writes.
    """
    path = root / FILE
    try:
        if path.is_symlink() or not path.is_file():
            raise BuildError("Tampered", f"the installation left no {FILE}")
        with path.open("rb") as file:
            return parse_record(file.read(SIZE_LIMIT + 1))
    except ValueError as error:
        raise BuildError(
            "Tampered", f"{FILE}: {error}", "a module's code may have changed it; ask its author"
        ) from None


def parse_record(content: bytes) -> Record:
    """Read a record.

    Raises:
        ValueError: it is none; names the places, not the values.
    """
    if len(content) > SIZE_LIMIT:
        raise ValueError(f"longer than {SIZE_LIMIT >> 20} MiB")
    try:
        return Record.model_validate_json(content)
    except ValidationError as error:
        places = sorted({".".join(map(str, problem["loc"]))[:80] for problem in error.errors()})
        raise ValueError(f"not a record: {', '.join(places[:5])}") from None


def encode_record(content: bytes) -> list[str]:
    """Return the lines to print for a record."""
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    return [f"{_BEGIN} sha256:{hashlib.sha256(content).hexdigest()} {len(content)}", *textwrap.wrap(packed, 76), _END]


def decode_record(lines: Iterable[str], digest: str) -> Record:
    """Find and read the record in what a build printed.

    Args:
        lines: the output, whatever else is in it.
        digest: of the record, from the termination message.

    Raises:
        ValueError: there is no such record, or it is not that of the digest.
    """
    packed: list[str] | None = None
    for line in lines:
        if line.startswith(f"{_BEGIN} {digest} "):
            packed = []
        elif line.strip() == _END and packed is not None:
            return parse_record(_unpacked("".join(packed), digest))
        elif packed is not None:
            packed.append(line.strip())
    raise ValueError("the output has no record of that digest")


def _unpacked(packed: str, digest: str) -> bytes:
    try:
        inflate = zlib.decompressobj()
        content = inflate.decompress(base64.b64decode(packed, validate=True), SIZE_LIMIT + 1)
    except (ValueError, zlib.error):
        raise ValueError("the printed record is damaged") from None
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise ValueError("the printed record is not that of its digest")
    return content
