"""The run config that a server gets: completed for its release, with the folders of external files, its modules under
the names that they are imported by.

It stays as it was written, byte for byte, where none of this is needed. Pure but for the catalog.
"""

from __future__ import annotations

import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.catalog.reader import find_release
from llamastack_operator.planning.stack.inputs.external import directory_keys
from llamastack_operator.planning.stack.stack import release_of
from llamastack_operator.workloads.run_config import TooLargeError, bounded_yaml_text, run_config_text
from llamastack_operator.workloads.server_config import ServerConfig, Slot
from llamastack_resolver.config.run_config import read_run_config
from llamastack_resolver.config.server_config import server_config
from llamastack_resolver.documents.complete import missing_keys


@dataclass(frozen=True, slots=True)
class Written:
    """A run config and what it is to be completed with.

    Attributes:
        config: as YAML gives it.
        inline: whether it stands in the stack itself: one of the API is JSON, one of a ConfigMap can have dates and
            other keys than text.
        added: what it is completed with, in which `slots.token(None)` stands for the stack's name.
        slots: the places that are left open.
    """

    config: Mapping[str, Any]
    inline: bool
    added: Mapping[str, Any]
    slots: _Slots


def written_config(spec: LlamaStackSpec, config: Mapping[str, Any], inline: bool) -> Written:
    """Return a run config with what it is to be completed with: where external files are, and what the release that
    the spec names requires; of a release that is not known nothing."""
    slots = _Slots()
    directories, knowledge = directory_keys(spec), find_release(release_of(spec))
    missing: dict[str, Any] = {}
    if knowledge is not None:
        missing = missing_keys({**config, **directories}, knowledge, slots.token(None))
    return Written(config, inline, {**directories, **missing}, slots)


def completed_config(written: Written) -> ServerConfig | None:
    """Return the run config for the server; None where that is the written one.

    Raises:
        TooLargeError: no ConfigMap can hold it.
    """
    if not written.added:
        return None
    config = {**written.config, **written.added}
    return written.slots.left_open(run_config_text(config) if written.inline else bounded_yaml_text(config))


def renamed_config(written: Written) -> ServerConfig | None:
    """Return the run config for a server whose modules are imported by other names than the ones that were written;
    None where it names none, or no ConfigMap can hold it."""
    config = {**written.config, **written.added}
    entries = [entry for entry in read_run_config(config).entries() if entry.module]
    if not entries:
        return None
    config = server_config(config, {entry.path: written.slots.token(entry.module) for entry in entries})
    try:
        return written.slots.left_open(_json_or_yaml(config))
    except TooLargeError:
        return None


def _json_or_yaml(config: dict[str, Any]) -> str:
    try:
        return run_config_text(config)
    except TypeError:  # A date, which JSON does not have.
        return bounded_yaml_text(config)


class _Slots:
    """Words that stand in a text for what is left open.

    They cannot be guessed, so that nobody writes one into a run config; and no digit comes before an `e`, which YAML
    might take for a number.
    """

    def __init__(self) -> None:
        self._salt = "".join(secrets.choice(string.ascii_lowercase.replace("e", "")) for _ in range(24))
        self._modules: list[str | None] = []

    def token(self, module: str | None) -> str:
        """Return a word that stands for a module; for the stack's name without one."""
        if module not in self._modules:
            self._modules.append(module)
        return f"{self._salt}-{self._modules.index(module)}-"

    def left_open(self, text: str) -> ServerConfig:
        """Return a text with the places where such words stand left open, their quotes included."""
        is_json = text.startswith("{")
        first, *others = text.split(f"{self._salt}-")
        quotes = 1 if is_json else 0
        kept, slots = [first.removesuffix('"') if others and is_json else first], list[Slot]()
        for number, other in enumerate(others, 1):
            which, _, rest = other.partition("-")
            slots.append(Slot(sum(map(len, kept)), self._modules[int(which)]))
            kept.append(rest[quotes : len(rest) - (quotes if number < len(others) else 0)])
        return ServerConfig(zlib.compress("".join(kept).encode(), level=1), tuple(slots), is_json)
