"""The files of external providers and APIs: further keys of the run config's ConfigMap, mounted as upstream reads them.

They are in that immutable ConfigMap so that each revision of the pods keeps the files that it was started with, as
it keeps its run config.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llamastack_operator.api.base import KeyReference
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_resolver.documents.external_fields import (
    APIS_FOLDER,
    EXTERNAL_PATH,
    PROVIDERS_FOLDER,
    api_file,
    provider_file,
)

CONFIG_KEY = "run.yaml"
"""The run config's own key, which no file can have."""
VOLUME = "llamastack-external"
NO_FILES: Mapping[str, str] = MappingProxyType({})


def external_files(spec: LlamaStackSpec) -> dict[str, KeyReference]:
    """Return where the file at each path below the mount comes from, in the order of the spec."""
    providers = {
        f"{PROVIDERS_FOLDER}/{provider_file(entry.api, entry.provider_type)}": entry.config_map_key_ref
        for entry in spec.external_providers or []
    }
    apis = {f"{APIS_FOLDER}/{api_file(entry.name)}": entry.config_map_key_ref for entry in spec.external_apis or []}
    return {**providers, **apis}


def data_key(path: str) -> str:
    """Return the ConfigMap's key of a file: API names have no dots, so that no two paths share one."""
    return path.replace("/", ".")


def config_source(spec: LlamaStackSpec, config_name: str) -> dict[str, Any]:
    """Return the source of the run config's own volume: without the files, which have a mount of theirs."""
    items = {"items": [{"key": CONFIG_KEY, "path": CONFIG_KEY}]} if external_files(spec) else {}
    return {"name": config_name, **items}


def volumes(spec: LlamaStackSpec, config_name: str) -> list[dict[str, Any]]:
    """Return the volume of the files, if there are any."""
    items = [{"key": data_key(path), "path": path} for path in external_files(spec)]
    return [{"name": VOLUME, "configMap": {"name": config_name, "items": items}}] if items else []


def mounts(spec: LlamaStackSpec) -> list[dict[str, Any]]:
    """Return the mount of that volume, if there is one."""
    return [{"name": VOLUME, "mountPath": EXTERNAL_PATH, "readOnly": True}] if external_files(spec) else []
