"""The smallest stack, for tests with a cluster and without one."""

from __future__ import annotations

from typing import Any


def minimal(name: str, **spec: Any) -> dict[str, Any]:
    """Return the smallest LlamaStack, with more of a spec on top."""
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": name},
        "spec": {
            "distribution": {
                "image": "docker.io/llamastack/distribution-starter:0.7.3",
                "release": {"package": "llama-stack", "version": "0.7.3"},
            },
            "runConfig": {
                "version": 2,
                "providers": {"inference": [{"provider_id": "vllm", "provider_type": "remote::vllm"}]},
            },
            **spec,
        },
    }
