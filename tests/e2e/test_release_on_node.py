"""Images from a Python base and a release alone, on a real node: in the full matrix, since each takes minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import index_settings
from tests.cluster.node import Node
from tests.e2e.building import (
    build_of,
    builds,
    echo_package,
    echo_stack,
    example,
    held,
    publish,
    served_providers,
    wait_ready,
    with_name,
)
from tests.e2e.operator import Stacks
from tests.matrix import full_matrix

pytestmark = pytest.mark.node

FMS, CSOAI, ECHO = ("fms", "remote::trustyai_fms"), ("csoai", "remote::csoai"), ("echo", "remote::echo")


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace."""
    return Stacks(node_kubectl)


@pytest.fixture
def settings(node: Node, stacks: Stacks, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Build settings with the machine's own index, and beside it one with our package."""
    publish(tmp_path, echo_package("1.0"))
    found, objects = index_settings()
    stacks.kubectl.apply(objects)
    with node.start_index("pypi.local", tmp_path) as index:
        yield {**found, "pip": {**found.get("pip", {}), "extraIndexUrls": [index.simple]}}


def pushed(stacks: Stacks, settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "repository": f"registry.local:5000/{stacks.kubectl.namespace}/stack"}


def of(package: str, version: str) -> dict[str, Any]:
    return {"release": {"package": package, "version": version}}


def kinds(stacks: Stacks) -> list[str]:
    return sorted(build["spec"]["inputs"]["layer"]["kind"] for build in builds(stacks).values())


@full_matrix
def test_stacks_of_one_release_share_its_layer(node: Node, stacks: Stacks, settings: dict[str, Any]) -> None:
    stack, evidence = example(pushed(stacks, settings))
    stack["spec"]["distribution"] = of("llama-stack", "0.7.3")
    stacks.kubectl.apply([stack, evidence])
    wait_ready(stacks, "external-provider")
    assert {FMS, CSOAI} <= served_providers(node, stacks, "external-provider")
    assert kinds(stacks) == ["modules", "stack"]

    other = with_name(stack, "other")
    del other["spec"]["runConfig"]["providers"]["safety"]
    del other["spec"]["runConfig"]["registered_resources"]["shields"]
    other["spec"]["runConfig"]["apis"] = ["eval"]
    stacks.kubectl.apply(other)
    wait_ready(stacks, "other")
    assert CSOAI in served_providers(node, stacks, "other")
    assert kinds(stacks) == ["modules", "modules", "stack"]
    assert build_of(stacks, "other")["status"]["pushedBytes"] < build_of(stacks, "other")["status"]["imageSize"] / 2


@full_matrix
def test_an_old_release_from_its_number(node: Node, stacks: Stacks, settings: dict[str, Any]) -> None:
    stack, _ = example(pushed(stacks, settings), release="0.2.23")
    fms = stack["spec"]["runConfig"]["providers"]["safety"][0]
    fms["module"] = "llama_stack_provider_trustyai_fms==0.3.2"
    stack["spec"]["distribution"] = of("llama-stack", "0.2.23")
    stack["spec"]["server"] = {"env": stack["spec"]["server"]["env"]}
    stack["spec"]["runConfig"] = {
        "version": 2,
        "image_name": "old",
        "apis": ["safety"],
        "providers": {"safety": [fms]},
        "shields": [{"shield_id": "personal-data", "provider_id": "fms"}],
    }
    stacks.kubectl.apply(stack)
    wait_ready(stacks, "external-provider")
    assert FMS in served_providers(node, stacks, "external-provider")


@full_matrix
def test_ogx_with_a_provider_of_ours(node: Node, stacks: Stacks, settings: dict[str, Any]) -> None:
    build = held(pushed(stacks, settings), "ogx-1.5.0")
    stacks.kubectl.apply(echo_stack("echo", "demo-echo==1.0", build, **of("ogx", "1.5.0")))
    wait_ready(stacks, "echo")
    assert ECHO in served_providers(node, stacks, "echo")


@full_matrix
def test_a_release_that_pods_install(node: Node, stacks: Stacks, settings: dict[str, Any]) -> None:
    stacks.kubectl.apply(echo_stack("echo", "demo-echo==1.0", held(settings, "0.7.3"), **of("llama-stack", "0.7.3")))
    wait_ready(stacks, "echo")
    assert stacks.conditions("echo")["ImageReady"]["reason"] == "InstalledAtStart"
    assert ECHO in served_providers(node, stacks, "echo")
