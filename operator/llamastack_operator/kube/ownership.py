"""Predicts which fields the API server will record as ours after an apply.

Server-side apply (KEP-555) keeps, per field manager, the set of fields that it owns (`managedFields[].fieldsV1`).
Whoever changes or removes a field of ours takes it out of our set; so drift is there exactly when the recorded set
is not the one that our apply produced. Comparing that set costs one digest per event and needs no copy of the
object, and predicting it lets a restarted operator tell drift without a single write.

The prediction needs the list keys and atomic types of the fields that this operator writes; a list that is not
named here is atomic. `tests/e2e/test_children.py` compares it with a real API server. Where a later Kubernetes
tracked a field otherwise, the cost would be one apply without effect per object and restart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "ownerReferences": ("uid",),
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_PORT_KEYS = {"Deployment": ("containerPort", "protocol"), "Service": ("port", "protocol")}
_ATOMIC = {
    "selector",
    "labelSelector",
    "nodeSelector",
    "configMapKeyRef",
    "secretKeyRef",
    "fieldRef",
    "requiredDuringSchedulingIgnoredDuringExecution",
}
_ATOMIC_ITEMS = {"ownerReferences", "imagePullSecrets"}
_UNTRACKED = {"name", "namespace", "uid", "resourceVersion"}


def owned_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `fieldsV1` that the API server records for an applied object."""
    fields = {f"f:{key}": _value(key, body[key], body["kind"]) for key in body if key not in ("apiVersion", "kind")}
    metadata = {key: value for key, value in body["metadata"].items() if key not in _UNTRACKED}
    return {**fields, "f:metadata": _value("metadata", metadata, body["kind"])}


def _value(name: str, value: Any, kind: str) -> dict[str, Any]:
    if name in _ATOMIC:
        return {}
    if isinstance(value, Mapping):
        return {f"f:{key}": _value(key, part, kind) for key, part in value.items()}
    if isinstance(value, list):
        return _list(name, value, kind)
    return {}


def _list(name: str, items: Sequence[Any], kind: str) -> dict[str, Any]:
    keys = _PORT_KEYS[kind] if name == "ports" else _LIST_KEYS.get(name)
    if keys is None:
        return {}
    return {_item_key(item, keys): _item(name, item, kind) for item in items}


def _item_key(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    return "k:" + json.dumps({key: item[key] for key in sorted(keys)}, separators=(",", ":"))


def _item(name: str, item: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if name in _ATOMIC_ITEMS:
        return {}
    return {".": {}, **_value("", item, kind)}
