"""What one layer of an image holds: the part of an install plan that a build's programs are given.

The JSON shape (`to_wire`) is read by the installer, which runs inside other people's images, so it is plain data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

LayerKind = Literal["stack", "modules"]
ROOTS: Mapping[LayerKind, str] = {"stack": "/opt/llamastack/stack", "modules": "/opt/llamastack/modules"}
"""Where a layer lives: the same path at build and at run time, so that console scripts and shebangs fit."""


@dataclass(frozen=True)
class PlannedLayer:
    """One layer: what is installed on top of a base.

    Attributes:
        kind: `stack`, the release with its built-in providers' packages, or `modules`, what is external.
        requirements: what one pip call installs, PEP 508.
        special: arguments of further pip calls, one call each: packages with `--no-deps` or an index of their own.
        modules: `module:` entries whose `get_provider_spec()` is read afterwards and whose pip_packages are then
            installed too. One that is not among the requirements is an import path that something else brings.
        constraints: PEP 508 lines that hold for every call.
        lock: the exact files to install, from an earlier build; None to resolve.
    """

    kind: LayerKind
    requirements: tuple[str, ...] = ()
    special: tuple[tuple[str, ...], ...] = ()
    modules: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    lock: tuple[Mapping[str, Any], ...] | None = None

    @property
    def root(self) -> str:
        """The folder that it is installed into."""
        return ROOTS[self.kind]

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "kind": self.kind,
            "root": self.root,
            "requirements": list(self.requirements),
            "special": [list(arguments) for arguments in self.special],
            "modules": list(self.modules),
            "constraints": list(self.constraints),
            "lock": None if self.lock is None else [dict(file) for file in self.lock],
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> PlannedLayer:
        """Read the JSON shape.

        Raises:
            ValueError: the kind is neither `stack` nor `modules`.
        """
        if data["kind"] not in ROOTS:
            raise ValueError(f"{data['kind']!r} is no kind of layer: stack or modules")
        lock = data.get("lock")
        return cls(
            kind=cast(LayerKind, data["kind"]),
            requirements=tuple(data.get("requirements") or ()),
            special=tuple(tuple(arguments) for arguments in data.get("special") or ()),
            modules=tuple(data.get("modules") or ()),
            constraints=tuple(data.get("constraints") or ()),
            lock=None if lock is None else tuple(lock),
        )
