"""A small release in the catalog's JSON shape: enough APIs and schemas to show each rule, and readable as a
whole.

The real releases are tested against their own behaviour in tests/conformance; these tests pin what each rule
says.
"""

from typing import Any

from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.resolution import Resolution

STRING = {"type": "string"}
PROVIDER_SCHEMA = {
    "type": "object",
    "properties": {
        "provider_id": {"anyOf": [STRING, {"type": "null"}]},
        "provider_type": STRING,
        "config": {"type": "object", "additionalProperties": True},
        "module": {"anyOf": [STRING, {"type": "null"}]},
    },
    "required": ["provider_id", "provider_type"],
}
STORES = {
    "type": "object",
    "properties": {
        "metadata": {
            "anyOf": [{"$ref": "#/$defs/KVStoreReference"}, {"type": "null"}],
            "default": {"backend": "kv_default", "namespace": "registry"},
        },
        "inference": {
            "anyOf": [{"$ref": "#/$defs/SqlStoreReference"}, {"type": "null"}],
            "default": {"backend": "sql_default", "table_name": "inference_store"},
        },
    },
}
RUN_CONFIG_SCHEMA = {
    "type": "object",
    "properties": {
        "version": {"type": "integer"},
        "image_name": {"anyOf": [STRING, {"type": "null"}]},
        "distro_name": {"anyOf": [STRING, {"type": "null"}]},
        "apis": {"type": "array", "items": STRING},
        "providers": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/Provider"}},
        },
        "storage": {"$ref": "#/$defs/StorageConfig"},
        "registered_resources": {"type": "object", "additionalProperties": True},
        "vector_stores": {"type": "object", "additionalProperties": True},
        "server": {"$ref": "#/$defs/ServerConfig"},
        "external_providers_dir": {"anyOf": [{"type": "string", "format": "path"}, {"type": "null"}]},
        "external_apis_dir": {"anyOf": [{"type": "string", "format": "path"}, {"type": "null"}]},
    },
    "required": ["providers"],
    "$defs": {
        "Provider": PROVIDER_SCHEMA,
        "KVStoreReference": {
            "type": "object",
            "properties": {"backend": STRING, "namespace": STRING},
            "required": ["backend", "namespace"],
        },
        "SqlStoreReference": {
            "type": "object",
            "properties": {"backend": STRING, "table_name": STRING},
            "required": ["backend", "table_name"],
        },
        "ServerStoresConfig": STORES,
        "SqliteKV": {
            "type": "object",
            "properties": {"type": {"const": "kv_sqlite"}, "db_path": STRING},
            "required": ["db_path"],
        },
        "SqliteSql": {
            "type": "object",
            "properties": {"type": {"const": "sql_sqlite"}, "db_path": STRING},
            "required": ["db_path"],
        },
        "StorageConfig": {
            "type": "object",
            "properties": {
                "backends": {
                    "type": "object",
                    "additionalProperties": {
                        "oneOf": [{"$ref": "#/$defs/SqliteKV"}, {"$ref": "#/$defs/SqliteSql"}],
                        "discriminator": {
                            "propertyName": "type",
                            "mapping": {
                                "kv_sqlite": "#/$defs/SqliteKV",
                                "sql_sqlite": "#/$defs/SqliteSql",
                            },
                        },
                    },
                },
                "stores": {"$ref": "#/$defs/ServerStoresConfig"},
            },
        },
        "ServerConfig": {
            "type": "object",
            "properties": {"port": {"type": "integer", "minimum": 1024, "maximum": 65535}},
        },
    },
}
VLLM_SCHEMA = {
    "type": "object",
    "properties": {
        "url": {"anyOf": [STRING, {"type": "null"}]},
        "api_token": {"anyOf": [{"type": "string", "format": "password"}, {"type": "null"}]},
        "max_tokens": {"type": "integer", "minimum": 1},
        "tls_verify": {"anyOf": [{"type": "boolean"}, STRING]},
    },
}
STORED_SCHEMA = {
    "type": "object",
    "properties": {"persistence": {"type": "object", "additionalProperties": True}},
    "required": ["persistence"],
}
PROVIDERS: dict[str, dict[str, dict[str, Any]]] = {
    "inference": {
        "remote::vllm": {"config_class": "small.VLLMConfig", "module": "small.vllm"},
        "remote::openai": {"config_class": "small.OpenAIConfig", "module": "small.openai"},
    },
    "safety": {
        "inline::llama-guard": {"module": "small.guard", "api_dependencies": ["inference"]},
        "inline::old-guard": {"module": "small.old", "deprecation_warning": "Use inline::llama-guard."},
        "inline::dead-guard": {"module": "small.dead", "deprecation_error": "It is gone."},
    },
    "vector_io": {
        "inline::faiss": {
            "config_class": "small.FaissConfig",
            "module": "small.faiss",
            "api_dependencies": ["inference"],
            "optional_api_dependencies": ["files"],
        }
    },
    "files": {"inline::localfs": {"module": "small.localfs"}},
    "responses": {
        "inline::builtin": {
            "module": "small.responses",
            "api_dependencies": ["inference", "vector_io", "files"],
        }
    },
}


def core(package: str = "llama-stack", version: str = "0.7.3", **changes: Any) -> dict[str, Any]:
    """Return the core part, with some of its keys replaced."""
    return {
        "format": 1,
        "package": package,
        "version": version,
        "apis": ["inspect", "models", "shields", "vector_stores", *PROVIDERS],
        "providable_apis": [*PROVIDERS],
        "routed": [
            {"table": "models", "router": "inference", "requires": ["models"]},
            {"table": "shields", "router": "safety", "requires": ["shields"]},
            {"table": "vector_stores", "router": "vector_io", "requires": ["vector_stores"]},
        ],
        "run_config_class": "small.StackConfig",
        "bundled_top_level_keys": ["version", "providers"],
        "providers": PROVIDERS,
        **changes,
    }


def knowledge(package: str = "llama-stack", version: str = "0.7.3", **changes: Any) -> ReleaseKnowledge:
    """Return the small release as any release."""
    schemas = {
        "small.StackConfig": RUN_CONFIG_SCHEMA,
        "small.VLLMConfig": VLLM_SCHEMA,
        "small.FaissConfig": STORED_SCHEMA,
    }
    return ReleaseKnowledge.from_dict(
        core(package, version, **changes), lambda part: schemas if part == "schemas" else {}
    )


def entry(provider_id: str | None, provider_type: str, **more: Any) -> dict[str, Any]:
    """Return a provider entry."""
    return {"provider_id": provider_id, "provider_type": provider_type, **more}


def config(**changes: Any) -> dict[str, Any]:
    """Return a run config without mistakes, with some of its keys replaced."""
    return {
        "version": 2,
        "distro_name": "small",
        "providers": {"inference": [entry("vllm", "remote::vllm", config={"url": "http://vllm:8000"})]},
        **changes,
    }


def errors(resolution: Resolution) -> list[tuple[str, str]]:
    """Return reason and path of each error."""
    return [(f.reason.value, f.path) for f in resolution.findings if f.severity == "error"]


def warnings(resolution: Resolution) -> list[tuple[str, str]]:
    """Return reason and path of each warning."""
    return [(f.reason.value, f.path) for f in resolution.findings if f.severity == "warning"]


def providers(**sections: list) -> dict:
    """Return a run config with these sections of providers."""
    return config(providers=sections)
