"""Run configs of the first format (2024): `routing_table`, `api_providers` and `apis_to_serve`.

Upstream's `upgrade_from_routing_table` turns them into `providers` and `apis`. The servers of ogx 1.0 and newer
call it when they load a config. Those before do not, although `llama stack run` accepts such a config: there
the server fails. Either way the providers are checked here, at the places where the file has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.reasons import ConfigReason

_TABLES = ("routing_table", "api_providers", "provider_map")
_APIS = "apis_to_serve"
_NEW_PLACES = {
    "routing_table": "list each entry in `providers.<api>`, with a provider_id of its own",
    "api_providers": "list each entry in `providers.<api>`, with a provider_id of its own",
    "provider_map": "list each entry in `providers.<api>`, with a provider_id of its own",
    _APIS: "call it `apis`",
}


@dataclass(frozen=True)
class Upgraded:
    """A run config in today's format.

    Attributes:
        config: the config.
        places: where the file has what is now at a path, by that path.
    """

    config: Mapping[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)

    def in_the_file(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings with the paths of the user's file."""
        return [self._moved(finding) for finding in findings]

    def _moved(self, finding: Finding) -> Finding:
        place = self._place(finding.path)
        message = (
            finding.message.replace(f"`{finding.path}`", f"`{place}`") if place != finding.path else finding.message
        )
        return replace(finding, path=place, message=message)

    def _place(self, path: str) -> str:
        for new, old in self.places.items():
            if path == new or path.startswith((f"{new}.", f"{new}[")):
                return old + path[len(new) :]
        return path


def upgrade_routing_table(config: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> Upgraded:
    """Return a config of the first format in today's, and report each of its old keys.

    Args:
        config: the run config, before substitution.
        knowledge: the release.
        findings: where the findings go.
    """
    keys = [key for key in _NEW_PLACES if key in config]
    if not isinstance(config.get("routing_table"), dict):
        return Upgraded(config)
    upgrades = knowledge.behaviour.upgrades_first_format
    for key in keys:
        if upgrades:
            message = f"`{key}` is of the first config format: {knowledge.release} still converts it"
            findings.warning(ConfigReason.UNKNOWN_FIELD, message, key, hint=_NEW_PLACES[key])
        else:
            message = f"`{key}` is of the first config format, which the server of {knowledge.release} does not read"
            findings.error(ConfigReason.UNKNOWN_FIELD, message, key, hint=_NEW_PLACES[key])
    if upgrades and _APIS not in config:
        message = f"`{_APIS}` is required beside `routing_table`: {knowledge.release} cannot convert it otherwise"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, "routing_table", hint=_NEW_PLACES["routing_table"])
    return _convert(config, keys)


def _convert(config: Mapping[str, Any], keys: list[str]) -> Upgraded:
    providers: dict[str, Any] = {}
    places: dict[str, str] = {}
    for table in (key for key in _TABLES if isinstance(config.get(key), dict)):
        for api, entries in config[table].items():
            if isinstance(entries, list):
                providers[api] = [_entry(entry, index, len(entries)) for index, entry in enumerate(entries)]
                places[f"providers.{api}"] = f"{table}.{api}"
            elif isinstance(entries, dict) and "provider_type" in entries:
                providers[api] = [_entry(entries, 0, 1)]
                places |= {f"providers.{api}[0]": f"{table}.{api}", f"providers.{api}": f"{table}.{api}"}
    kept = {key: value for key, value in config.items() if key not in keys}
    if _APIS in config:
        kept["apis"] = config[_APIS]
        places["apis"] = _APIS
    return Upgraded({**kept, "providers": providers}, places)


def _entry(entry: Any, index: int, count: int) -> Any:
    """Return an entry with the provider id that upstream gives it."""
    if not isinstance(entry, dict) or "provider_type" not in entry:
        return entry
    name = str(entry["provider_type"])
    return {**entry, "provider_id": f"{name}-{index:02d}" if count > 1 else name}
