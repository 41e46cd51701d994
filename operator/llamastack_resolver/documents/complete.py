"""What a manifest may leave out of its run config, and the operator fills in.

A manifest has a name already, and storage has a sensible default; a run config that stands alone has to say
both. The same function serves the checks and the rendering of the server's config, so that what was checked
is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.knowledge import ReleaseKnowledge

_DIRECTORY = "${env.SQLITE_STORE_DIR:=~/.llama/distributions}"


def complete_run_config(config: Mapping[str, Any], knowledge: ReleaseKnowledge, name: str) -> dict[str, Any]:
    """Return the run config with version, name and storage where the release wants them and the config is
    silent.

    Args:
        config: the run config of a manifest; it is not changed.
        knowledge: the release.
        name: the stack's name.
    """
    schema = knowledge.schemas.get(knowledge.run_config_class) or {}
    properties, required = schema.get("properties") or {}, schema.get("required") or ()
    completed = {"version": 2, **config}
    if "distro_name" in properties:
        if completed.get("distro_name") is None and completed.get("image_name") is None:
            completed["distro_name"] = name
    elif completed.get("image_name") is None:
        completed["image_name"] = name
    if "storage" in required and "storage" not in completed:
        completed["storage"] = default_storage()
    return completed


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
