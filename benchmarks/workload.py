"""The stacks that the benchmarks create: the releases' own starters, several releases mixed."""

from __future__ import annotations

from functools import cache
from typing import Any

from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from llamastack_resolver.yaml_io import read_value

RELEASES = (("llama-stack", "0.2.23"), ("llama-stack", "0.3.5"), ("llama-stack", "0.7.3"), ("ogx", "1.5.0"))


def stack(namespace: str, name: str, number: int) -> dict[str, Any]:
    """Return a LlamaStack with a run config of 8 to 11 KB."""
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
            "runConfig": run_config(package, version),
            "server": {
                "env": [{"name": "VLLM_URL", "value": "http://model-server:8000/v1"}],
                "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
            },
        },
    }


@cache
def run_config(package: str, version: str) -> dict[str, Any]:
    """Return the run config that a release brings for its starter; it is not to be changed."""
    text = catalog.load_release(Release(package, version)).distributions["starter"]
    config: dict[str, Any] = read_value(text)[0]
    return config
