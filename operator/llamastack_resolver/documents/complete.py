"""What a manifest may leave out of its run config, and the operator fills in.

Only what the release refuses to start without: so a config that starts is never changed, and no server finds its data
in another place. The same function serves the checks and the rendering of the server's config, so that what was
checked is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.knowledge import ReleaseKnowledge

_DIRECTORY = "${env.SQLITE_STORE_DIR:=~/.llama/distributions}"


def missing_keys(config: Mapping[str, Any], knowledge: ReleaseKnowledge, name: str) -> dict[str, Any]:
    """Return the keys that a release cannot start without and a run config lacks, with what the operator puts there.

    What is written stands, also where it is wrong. A name of null is none: a release that knows `distro_name` takes
    it for left out; one that does not refuses it, and is left to say so.

    Args:
        config: the run config of a manifest.
        knowledge: the release, which has to be the one that the manifest names.
        name: the stack's name.

    Returns:
        An empty mapping where nothing is to be filled in.
    """
    schema = knowledge.schemas.get(knowledge.run_config_class) or {}
    properties, required = schema.get("properties") or {}, schema.get("required") or ()
    missing: dict[str, Any] = {}
    if "distro_name" in properties:
        # A validator wants one of both: no schema shows it.
        if config.get("distro_name") is None and config.get("image_name") is None:
            missing["distro_name"] = name
    elif "image_name" in required and "image_name" not in config:
        missing["image_name"] = name
    if "storage" in required and "storage" not in config:
        missing["storage"] = default_storage()
    return missing


def default_storage() -> dict[str, Any]:
    """Return the storage section that releases from 0.4 on have by default: SQLite in one directory."""
    return {
        "backends": {
            "kv_default": {"type": "kv_sqlite", "db_path": f"{_DIRECTORY}/kvstore.db"},
            "sql_default": {"type": "sql_sqlite", "db_path": f"{_DIRECTORY}/sql_store.db"},
        },
        "stores": {
            "metadata": {"backend": "kv_default", "namespace": "registry"},
            "inference": {"backend": "sql_default", "table_name": "inference_store"},
            "conversations": {"backend": "sql_default", "table_name": "openai_conversations"},
        },
    }
