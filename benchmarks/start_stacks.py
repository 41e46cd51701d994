"""The stacks that the benchmark of starts applies: those of the quickstart, with more providers where asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from llamastack_resolver.releases import Release

State = Literal["warm", "cold"]
RELEASES = ("0.7.3", "ogx-1.5.0")
PROVIDERS = (2, 9)
STATES: tuple[State, ...] = ("warm", "cold")
CHECKS = ("Skip", "Import", "Instantiate")
_REPOSITORY = Path(__file__).resolve().parents[1]
_TOOLS = ("brave-search", "bing-search", "tavily-search", "wolfram-alpha", "model-context-protocol")


@dataclass(frozen=True)
class Setting:
    """What is started.

    Attributes:
        release: the release.
        image: what brings it.
        providers: how many are configured, 2 or 9.
        state: whether the image's files are in the page cache.
    """

    release: str
    image: str
    providers: int
    state: State


def stack(name: str, setting: Setting, check: str) -> dict[str, Any]:
    """Return the stack of the quickstart with another image and check, and with seven providers more where asked."""
    body: dict[str, Any] = yaml.safe_load((_REPOSITORY / "examples" / "quickstart.yaml").read_text())
    body["metadata"]["name"] = name
    release, spec = Release.parse(setting.release), body["spec"]
    named = {"package": release.package, "version": release.version}
    spec |= {"distribution": {"image": setting.image, "release": named}, "startup": {"check": check}}
    if setting.providers == 9:
        _add_seven(spec["runConfig"])
    return body


def _add_seven(config: dict[str, Any]) -> None:
    (server,) = config["providers"]["inference"]
    config["apis"].append("tool_runtime")
    config["providers"]["inference"] += [{**server, "provider_id": f"another-{number}"} for number in range(2)]
    tools = {name: {} if name == "model-context-protocol" else {"api_key": "none"} for name in _TOOLS}
    config["providers"]["tool_runtime"] = [
        {"provider_id": name, "provider_type": f"remote::{name}", "config": given} for name, given in tools.items()
    ]
