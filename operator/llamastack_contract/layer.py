"""A layer of an image: what is planned, what a LlamaStackBuild holds, and what the installer is told, in one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from llamastack_contract.lock import Locked, lock_to_dicts, read_lock
from llamastack_contract.paths import ROOTS, LayerKind
from llamastack_contract.shape import Members, ShapeError

_PATH_LIMIT = 4096


@dataclass(frozen=True)
class Layer:
    """What one build installs, and where.

    Attributes:
        kind: `stack`, the release with its built-in providers' packages, or `modules`, what is external.
        requirements: what the first call of pip installs, PEP 508.
        special: arguments of further calls of pip, one call each: packages with options of their own.
        modules: `module:` entries whose `get_provider_spec()` is read afterwards and whose pip_packages are then
            installed too. One that is not among the requirements is an import path that something else brings.
        constraints: PEP 508 lines that hold for every call.
        lock: exactly what to install, from an earlier build; None to resolve.
        root: the folder that becomes the layer; by default that of the kind.
    """

    kind: LayerKind
    requirements: tuple[str, ...] = ()
    special: tuple[tuple[str, ...], ...] = ()
    modules: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    lock: tuple[Locked, ...] | None = None
    root: str = ""

    def __post_init__(self) -> None:
        if not self.root:
            object.__setattr__(self, "root", ROOTS[self.kind])

    @classmethod
    def from_dict(cls, data: object, place: str = "layer") -> Layer:
        """Read the JSON shape.

        Args:
            data: a layer.
            place: where it stands, for errors.

        Raises:
            ShapeError: it has another shape.
        """
        members = Members.of(data, place)
        kind, root, lock = (
            members.text("kind"),
            members.optional_text("root", limit=_PATH_LIMIT) or "",
            members.data.get("lock"),
        )
        if kind not in ROOTS:
            raise ShapeError(f"{members.at('kind')} is neither stack nor modules")
        if root and not root.startswith("/"):
            raise ShapeError(f"{members.at('root')} is no absolute path")
        return cls(
            kind=cast(LayerKind, kind),
            requirements=members.texts("requirements"),
            special=members.lists_of_texts("special"),
            modules=members.texts("modules"),
            constraints=members.texts("constraints"),
            lock=None if lock is None else read_lock(lock, members.at("lock")),
            root=root,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "kind": self.kind,
            "root": self.root,
            "requirements": list(self.requirements),
            "special": [list(call) for call in self.special],
            "modules": list(self.modules),
            "constraints": list(self.constraints),
            "lock": lock_to_dicts(self.lock),
        }
