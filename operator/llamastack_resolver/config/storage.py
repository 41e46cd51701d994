"""Checks storage references: which backend a store uses, and whether it is of the right kind.

Upstream does this in validators (`validate_server_stores`), which no schema shows. Backends and stores exist
since 0.3.0; from 0.4.0 on both have defaults, which refer to backends named `kv_default` and `sql_default`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from llamastack_resolver.config.env import Unknown
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean

DEFAULT_BACKENDS = {"kv_default": "kv_sqlite", "sql_default": "sql_sqlite"}
MIGRATED_STORES = ("prompts", "connectors")
Kind = Literal["kv", "sql"]


class Problem(NamedTuple):
    """Why a reference does not hold, and what to do."""

    message: str
    hint: str


class Backends(NamedTuple):
    """Storage backends by name, with their types; None for a type that is not known here, or that does not exist."""

    types: Mapping[str, str | None]

    def problem(self, name: str, kind: Kind) -> Problem | None:
        """Return what is wrong with a reference to backend `name` by a store of `kind`."""
        if name not in self.types:
            names = ", ".join(sorted(self.types)) or "none"
            hint = did_you_mean(name, self.types) or f"declared in storage.backends: {names}"
            return Problem(f"storage backend {name!r} is not declared", hint)
        found = self.types[name]
        if found is None or found.startswith(f"{kind}_"):
            return None
        fitting = sorted(other for other, value in self.types.items() if value and value.startswith(f"{kind}_"))
        hint = f"use {' or '.join(fitting)}" if fitting else f"declare a {kind}_* backend"
        return Problem(f"storage backend {name!r} is of type {found}, a {kind}_* backend is required", hint)


def read_backends(config: Mapping[str, Any], knowledge: ReleaseKnowledge) -> Backends | None:
    """Return the backends of a run config; None where the release has none or the section is malformed."""
    if not _has_storage(knowledge):
        return None
    storage = config.get("storage", {})
    if not isinstance(storage, dict):
        return None
    backends = storage.get("backends")
    if "backends" not in storage:
        return Backends(dict(DEFAULT_BACKENDS))
    if not isinstance(backends, dict):
        return None
    existing = _backend_types(knowledge)
    types: dict[str, str | None] = {}
    for name, backend in backends.items():
        kind = backend.get("type") if isinstance(backend, dict) else None
        types[str(name)] = kind if isinstance(kind, str) and kind in existing else None
    return Backends(types)


def check_stores(
    config: Mapping[str, Any], backends: Backends | None, knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    """Report every store of the stack itself that refers to a missing or unfit backend."""
    storage = config.get("storage", {})
    if backends is None or not isinstance(storage, dict):
        return
    stores = storage.get("stores", {})
    if not isinstance(stores, dict):
        return
    kinds = _store_kinds(knowledge)
    for name, (kind, default) in kinds.items():
        given = name in stores
        reference = stores[name] if given else default
        backend = reference.get("backend") if isinstance(reference, dict) else None
        if not isinstance(backend, str) or isinstance(backend, Unknown):
            continue
        problem = backends.problem(backend, kind)
        if not problem:
            continue
        path = f"storage.stores.{name}"
        if given:
            findings.error(ConfigReason.MISSING_REFERENCE, problem.message, f"{path}.backend", hint=problem.hint)
        else:
            hint = f"set {path}, or call the backend {backend}"
            findings.error(ConfigReason.MISSING_REFERENCE, f"{problem.message}: the default of {path}", path, hint=hint)
    # Where a section around it is required and missing, that is said of the section.
    there = "stores" in storage or ("storage" in config and not _stores_are_required(knowledge))
    if there and "metadata" in kinds and stores.get("metadata", kinds["metadata"][1]) is None:
        findings.error(
            ConfigReason.INVALID_RUN_CONFIG,
            "`storage.stores.metadata` is required",
            "storage.stores.metadata",
            hint="refer to a kv_* backend: {backend: kv_default, namespace: registry}",
        )


def migrate_stores(config: Mapping[str, Any], knowledge: ReleaseKnowledge) -> dict[str, Any]:
    """Return the config with the store references that ogx 1.0 and newer rewrite on load."""
    storage = config.get("storage")
    stores = storage.get("stores") if isinstance(storage, dict) else None
    if not knowledge.behaviour.moves_stores_to_sql or not isinstance(stores, dict):
        return dict(config)
    migrated = dict(stores)
    for name in MIGRATED_STORES:
        reference = stores.get(name)
        if isinstance(reference, dict) and "namespace" in reference and "table_name" not in reference:
            backend = reference.get("backend", "sql_default")
            migrated[name] = {
                "backend": f"sql_{backend[3:]}" if isinstance(backend, str) and backend[:3] == "kv_" else backend,
                "table_name": reference["namespace"],
            }
    return {**config, "storage": {**(storage or {}), "stores": migrated}}


def _run_config_schema(knowledge: ReleaseKnowledge) -> Mapping[str, Any]:
    return knowledge.schemas.get(knowledge.run_config_class) or {}


def _backend_types(knowledge: ReleaseKnowledge) -> Mapping[str, Any]:
    """Return the types of backends that the release has; another one is a mistake that its schema tells."""
    storage = (_run_config_schema(knowledge).get("$defs") or {}).get("StorageConfig") or {}
    backend = ((storage.get("properties") or {}).get("backends") or {}).get("additionalProperties") or {}
    mapping: Mapping[str, Any] = (backend.get("discriminator") or {}).get("mapping") or {}
    return mapping


def _stores_are_required(knowledge: ReleaseKnowledge) -> bool:
    storage = (_run_config_schema(knowledge).get("$defs") or {}).get("StorageConfig") or {}
    return "stores" in (storage.get("required") or ())


def _has_storage(knowledge: ReleaseKnowledge) -> bool:
    return "storage" in (_run_config_schema(knowledge).get("properties") or {})


def _store_kinds(knowledge: ReleaseKnowledge) -> dict[str, tuple[Kind, Any]]:
    """Return kind and default of each store, from the release's schema."""
    schema = (_run_config_schema(knowledge).get("$defs") or {}).get("ServerStoresConfig") or {}
    kinds: dict[str, tuple[Kind, Any]] = {}
    for name, store in (schema.get("properties") or {}).items():
        references = str(store.get("anyOf") or store)
        kinds[name] = ("kv" if "KVStoreReference" in references else "sql", store.get("default"))
    return kinds
