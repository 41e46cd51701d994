"""The parts of a run config that the resolver works with, read leniently: whatever is malformed becomes a
finding.

The top level is checked against the release's own schema elsewhere (`config/check.py`); this module only takes
out the provider entries, in their order, with the paths that messages need.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llamastack_resolver.config.condition import Condition
from llamastack_resolver.config.env import DISABLED, Substitution, Unknown


class ProviderEntry(NamedTuple):
    """One entry of `providers.<api>` (upstream's `Provider`).

    Attributes:
        api: the key it stands under.
        provider_id: its id after substitution; None or empty means that it is disabled.
        provider_type: for example `remote::vllm`.
        config: its config, after substitution.
        module: the requirement of an external provider's package, if it has one.
        path: its place, for example `providers.inference[0]`.
        id_known: false where the id comes from a variable whose value is not known.
        condition: when it is enabled, where that depends on variables of which nothing is known; it then has the id
            and the config that it has where it is.
    """

    api: str
    provider_id: str | None
    provider_type: str
    config: Mapping[str, Any]
    module: str | None
    path: str
    id_known: bool = True
    condition: Condition | None = None

    @property
    def disabled(self) -> bool:
        """Whether the release skips the entry."""
        return not self.provider_id or self.provider_id == DISABLED


_INDEX = re.compile(r"\[([0-9]{1,9})\]")


@dataclass(frozen=True)
class RunConfig:
    """A run config after substitution.

    Attributes:
        raw: all of it.
        providers: the well-formed entries by API, in the order of the file.
        malformed: APIs with an entry (or all of their entries) that could not be read.
        apis: the `apis` list; None where it is absent, malformed or not known.
        conditions: of the places that may count or not, by path.
        renamed: how the file writes APIs whose sections stand under their own name here.
    """

    raw: Mapping[str, Any]
    providers: Mapping[str, tuple[ProviderEntry, ...]]
    malformed: frozenset[str]
    apis: tuple[str, ...] | None
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def external_providers_dir(self) -> str | None:
        """Directory of provider specs, if the config names one."""
        return _text(self.raw.get("external_providers_dir"))

    @property
    def external_apis_dir(self) -> str | None:
        """Directory of API specs, if the config names one."""
        return _text(self.raw.get("external_apis_dir"))

    def entries(self) -> list[ProviderEntry]:
        """Return all entries, disabled ones included."""
        return [entry for entries in self.providers.values() for entry in entries]


def read_run_config(raw: Mapping[str, Any], substitution: Substitution | None = None) -> RunConfig:
    """Take the provider entries out of a config.

    Args:
        raw: the config, after substitution; its schema may be violated anywhere.
        substitution: what the substitution left out, so that paths keep counting it, and what it keeps under a
            condition; None where there was none.
    """
    dropped = substitution.dropped if substitution else []
    conditions = substitution.conditions if substitution else {}
    providers: dict[str, tuple[ProviderEntry, ...]] = {}
    malformed = set()
    section = raw.get("providers")
    for api, items in (section if isinstance(section, dict) else {}).items():
        name = str(api)
        if not isinstance(items, list):
            malformed.add(name)
            providers[name] = ()
            continue
        paths = item_paths(f"providers.{name}", len(items), dropped)
        entries = [_entry(name, item, path, conditions) for item, path in zip(items, paths, strict=True)]
        if None in entries:
            malformed.add(name)
        providers[name] = tuple(entry for entry in entries if entry is not None)
    apis = raw.get("apis")
    known = isinstance(apis, list) and not any(isinstance(api, Unknown) for api in apis)
    served = tuple(str(api) for api in apis) if isinstance(apis, list) and known else None
    return RunConfig(raw, providers, frozenset(malformed), served, conditions)


def item_paths(path: str, count: int, dropped: list[str]) -> list[str]:
    """Return the original paths of the `count` items that were kept of a list."""
    gone = set(dropped)
    kept: list[str] = []
    index = 0
    while len(kept) < count:
        if f"{path}[{index}]" not in gone:
            kept.append(f"{path}[{index}]")
        index += 1
    return kept


def paths_before(dropped: Iterable[str]) -> Callable[[str], str]:
    """Return what gives the path that a value had before items of lists were left out.

    Args:
        dropped: the paths of what was left out, as they were before.
    """
    gone: dict[str, list[int]] = {}
    for path in dropped:
        place, _, index = path.removesuffix("]").rpartition("[")
        gone.setdefault(place, []).append(int(index))
    # How many items were kept before each that was left out.
    kept = {place: [index - count for count, index in enumerate(sorted(found))] for place, found in gone.items()}

    def before(path: str) -> str:
        place, end = "", 0
        for match in _INDEX.finditer(path):
            place += path[end : match.start()]
            index = int(match[1])
            place, end = f"{place}[{index + bisect.bisect_right(kept.get(place, ()), index)}]", match.end()
        return place + path[end:]

    return before


def _entry(api: str, item: Any, path: str, conditions: Mapping[str, Condition]) -> ProviderEntry | None:
    if not isinstance(item, dict) or "provider_id" not in item:
        return None
    provider_id, provider_type = item["provider_id"], item.get("provider_type")
    config, module = item.get("config", {}), item.get("module")
    unknown_id = isinstance(provider_id, Unknown)
    if unknown_id:
        provider_id = path
    if isinstance(config, Unknown):
        config = {}
    if not (provider_id is None or isinstance(provider_id, str)) or not isinstance(provider_type, str):
        return None
    if not isinstance(config, dict) or not (module is None or isinstance(module, str)):
        return None
    return ProviderEntry(api, provider_id, provider_type, config, module, path, not unknown_id, conditions.get(path))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
