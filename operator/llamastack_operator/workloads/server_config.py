"""The run config that a server gets, made once for all stacks that wrote the same.

What differs between those stacks is left open, and filled in where the config is rendered: a stack's name, and the
names by which the modules that a build installed are imported.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from llamastack_operator.workloads.run_config import yaml_text


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a run config that is left open.

    Attributes:
        offset: the characters before it.
        module: the `module:` that stands there as it was written; None for the stack's name.
    """

    offset: int
    module: str | None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A run config with places left open.

    Attributes:
        packed: its text without what comes into those places, compressed.
        slots: the places, in their order.
        is_json: whether it is laid out as JSON.
    """

    packed: bytes
    slots: tuple[Slot, ...]
    is_json: bool

    def text(self, name: str, import_names: Mapping[str, str]) -> str:
        """Return the whole text.

        Args:
            name: the stack's name.
            import_names: what a module is imported by, for each `module:` whose name is another one.
        """
        text = zlib.decompress(self.packed).decode()
        parts, begin = list[str](), 0
        for slot in self.slots:
            value = name if slot.module is None else import_names.get(slot.module, slot.module)
            parts += (text[begin : slot.offset], _scalar(value, self.is_json))
            begin = slot.offset
        return "".join((*parts, text[begin:]))


def _scalar(value: str, is_json: bool) -> str:
    return json.dumps(value, ensure_ascii=False) if is_json else yaml_text(value).removesuffix("...\n").rstrip("\n")
