"""The stacks that the benchmarks create: run configs of the size of a bundled starter, several releases mixed."""

from __future__ import annotations

from typing import Any

RELEASES = (("llama-stack", "0.2.23"), ("llama-stack", "0.3.5"), ("llama-stack", "0.7.3"), ("ogx", "1.5.0"))
_INFERENCE = [
    "cerebras",
    "ollama",
    "vllm",
    "tgi",
    "fireworks",
    "together",
    "bedrock",
    "nvidia",
    "openai",
    "anthropic",
    "gemini",
    "vertexai",
    "groq",
    "sambanova",
    "azure",
    "watsonx",
    "runpod",
    "databricks",
    "passthrough",
    "llama-openai-compat",
]
_VECTOR = ["faiss", "sqlite-vec", "milvus", "chromadb", "pgvector", "qdrant", "weaviate"]
_TOOLS = ["brave-search", "tavily-search", "bing-search", "wolfram-alpha", "model-context-protocol", "rag-runtime"]


def stack(namespace: str, name: str, number: int) -> dict[str, Any]:
    """Return a LlamaStack with a run config of about 10 KB, as a bundled starter has."""
    package, version = RELEASES[number % len(RELEASES)]
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "distribution": {
                "image": f"docker.io/llamastack/distribution-starter:{version}",
                "release": {"package": package, "version": version},
            },
            "runConfig": run_config(),
            "server": {
                "env": [{"name": "VLLM_URL", "value": "http://model-server:8000/v1"}],
                "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
            },
        },
    }


def run_config() -> dict[str, Any]:
    """Return a run config with as many providers, stores and models as a starter has."""
    providers = {
        "inference": [_provider(name, "remote") for name in _INFERENCE],
        "vector_io": [_provider(name, "inline" if number < 2 else "remote") for number, name in enumerate(_VECTOR)],
        "tool_runtime": [_provider(name, "remote") for name in _TOOLS],
        "files": [_provider("localfs", "inline")],
        "safety": [_provider("llama-guard", "inline"), _provider("code-scanner", "inline")],
    }
    return {
        "version": 2,
        "distro_name": "starter",
        "apis": [*providers, "agents", "batches", "eval", "scoring"],
        "providers": providers,
        "registered_resources": {
            "models": [
                {"model_id": f"model-{name}", "provider_id": name, "provider_model_id": f"vendor/{name}-8b-instruct"}
                for name in _INFERENCE
            ]
        },
        "storage": {
            "backends": {
                "kv_default": {"type": "kv_sqlite", "db_path": "${env.SQLITE_STORE_DIR:=~/.llama}/kvstore.db"},
                "sql_default": {"type": "sql_sqlite", "db_path": "${env.SQLITE_STORE_DIR:=~/.llama}/sql_store.db"},
            },
            "stores": {"metadata": {"namespace": "registry", "backend": "kv_default"}},
        },
        "server": {"port": 8321},
    }


def _provider(name: str, kind: str) -> dict[str, Any]:
    word = name.upper().replace("-", "_")
    return {
        "provider_id": f"${{env.{word}_URL:+{name}}}",
        "provider_type": f"{kind}::{name}",
        "config": {
            "base_url": f"${{env.{word}_URL:=}}",
            "api_key": f"${{env.{word}_API_KEY:=}}",
            "max_tokens": f"${{env.{word}_MAX_TOKENS:=4096}}",
            "persistence": {"namespace": f"{kind}::{name}", "backend": "kv_default"},
        },
    }
