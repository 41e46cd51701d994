"""The run config that the server gets: as written, but for `module:` entries that only pip understands.

Upstream's server takes `module:` for an import name (with `==` at most). Where the module is installed its
import name is known, so an entry such as `my-provider[extra]>=1.0` becomes `my_provider`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml


def server_config(raw: Mapping[str, Any], import_names: Mapping[str, str]) -> dict[str, Any]:
    """Return the config for the server.

    Args:
        raw: the run config as written.
        import_names: import name of each entry's module, by the entry's path (`providers.inference[0]`).
    """
    config: dict[str, Any] = copy.deepcopy(dict(raw))
    for path, name in import_names.items():
        # The paths are of entries that were read, so every one of them leads to a mapping.
        api, _, index = path.removeprefix("providers.").removesuffix("]").rpartition("[")
        config["providers"][api][int(index)]["module"] = name
    return config


def dump(config: Mapping[str, Any]) -> str:
    """Return a config as YAML, in the order of its keys."""
    return str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
