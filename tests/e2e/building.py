"""Stacks with external provider modules, and what a test asks about their builds, images and servers."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually
from tests.packages.build import Package, make_wheel
from tests.packages.providers import module_package
from tests.pins import pins

PATIENCE = 600.0
"""Seconds that a build and a rollout may take on a busy machine."""
BASE = "docker.io/llamastack/distribution-starter:0.7.3"
STORAGE = {
    "backends": {
        "kv_default": {"type": "kv_sqlite", "db_path": "/var/lib/llama-stack/kv.db"},
        "sql_default": {"type": "sql_sqlite", "db_path": "/var/lib/llama-stack/sql.db"},
    },
    "stores": {
        "metadata": {"namespace": "registry", "backend": "kv_default"},
        "inference": {"table_name": "inference_store", "backend": "sql_default"},
        "conversations": {"table_name": "conversations", "backend": "sql_default"},
        "prompts": {"namespace": "prompts", "backend": "kv_default"},
    },
}


def echo_package(version: str, name: str = "demo-echo") -> Package:
    """Return a provider package of ours: one tool, for whichever release is there."""
    top = name.replace("-", "_")
    return module_package(name, f'remote(Api.tool_runtime, "echo", "{top}.impl", [])', version)


def publish(folder: Path, *packages: Package) -> None:
    """Put wheels into the folder of an index."""
    for package in packages:
        make_wheel(package, folder)


def echo_stack(name: str, module: str, build: dict[str, Any], **distribution: Any) -> dict[str, Any]:
    """Return a stack whose only provider comes with a module of ours."""
    provider = {"provider_id": "echo", "provider_type": "remote::echo", "module": module, "config": {}}
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": name},
        "spec": {
            "distribution": distribution or {"image": BASE, "release": {"package": "llama-stack", "version": "0.7.3"}},
            "build": build,
            "runConfig": {
                "version": 2,
                "distro_name": name,
                "apis": ["tool_runtime"],
                "providers": {"tool_runtime": [provider]},
                "storage": STORAGE,
            },
        },
    }


def held(build: dict[str, Any], release: str) -> dict[str, Any]:
    """Return build settings that hold the pinned versions of what a release and modules of others bring."""
    pip = build.get("pip", {})
    return {**build, "pip": {**pip, "constraints": [*pip.get("constraints", ()), *pins(release)]}}


def example(build: dict[str, Any], release: str = "0.7.3") -> list[dict[str, Any]]:
    """Return the objects of `examples/external-provider.yaml`, with other build settings.

    Args:
        build: the settings.
        release: whose pins hold.
    """
    bodies = list(yaml.safe_load_all((REPOSITORY / "examples" / "external-provider.yaml").read_text()))
    for body in bodies:
        if body["kind"] == "LlamaStack":
            body["spec"]["build"] = held(build, release)
    return bodies


def with_name(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a stack under another name."""
    return {**body, "metadata": {**body["metadata"], "name": name}}


def wait_ready(stacks: Stacks, name: str) -> Any:
    """Wait until a stack is Ready and return it; one that is stalled fails at once with what it says."""

    def ready() -> bool:
        # Each question is a process: asked without a pause they would take the CPU that the server starts with.
        time.sleep(1)
        found = stacks.conditions(name)
        if found["Ready"]["status"] == "True":
            return True
        if found.get("Stalled", {}).get("status") == "True":
            raise RuntimeError(json.dumps([found, [one.get("status") for one in builds(stacks).values()]], indent=1))
        raise AssertionError(json.dumps([found, pods(stacks, name)], indent=1))

    eventually(ready, PATIENCE)
    return stacks.kubectl.json("get", "llamastack", name)


def builds(stacks: Stacks) -> dict[str, Any]:
    """Return the builds of the namespace by name."""
    items = stacks.kubectl.json("get", "llamastackbuilds")["items"]
    return {item["metadata"]["name"]: item for item in items}


def build_of(stacks: Stacks, name: str) -> Any:
    """Return the build that a stack runs."""
    return builds(stacks)[stacks.kubectl.json("get", "llamastack", name)["status"]["buildRef"]["name"]]


def pods(stacks: Stacks, name: str) -> list[Any]:
    """Return the pods of a stack that were not told to end."""
    items = stacks.kubectl.json("get", "pods", "-l", f"llamastack.dev/stack={name}")["items"]
    return [item for item in items if "deletionTimestamp" not in item["metadata"]]


def pod_names(stacks: Stacks, name: str) -> set[str]:
    """Return the names of the pods of a stack that were not told to end."""
    return {pod["metadata"]["name"] for pod in pods(stacks, name)}


def ask(node: Node, stacks: Stacks, name: str, path: str) -> Any:
    """Ask a stack's server through its Service, as a client inside the cluster."""
    service = stacks.kubectl.json("get", "service", name)["spec"]
    url = f"http://{service['clusterIP']}:{service['ports'][0]['port']}{path}"
    # The node's rules for a Service follow a pod's readiness with a delay, in which connections are refused.
    again = ["--retry", "30", "--retry-connrefused", "--retry-delay", "1"]
    return json.loads(
        node.exec(["curl", "--silent", "--fail", "--noproxy", "*", "--max-time", "30", *again, url]).stdout
    )


def served_providers(node: Node, stacks: Stacks, name: str) -> set[tuple[str, str]]:
    """Return id and type of each provider that a server says it has."""
    return {(one["provider_id"], one["provider_type"]) for one in ask(node, stacks, name, "/v1/providers")["data"]}


def manifest(node: Node, repository: str, reference: str) -> Any:
    """Return a manifest or index of the node's own registry."""
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
    url = f"http://{node.registry}/v2/{repository}/manifests/{reference}"
    request = urllib.request.Request(url, headers={"Accept": kinds})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)
