"""External provider modules on a real node: built, pushed, pulled by digest, served; shared, renewed, made again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.binaries import binaries
from tests.cluster.kubectl import Kubectl
from tests.cluster.machine import index_settings
from tests.cluster.node import Node
from tests.cluster.registries import docker_config
from tests.cluster.services import Login
from tests.e2e.building import (
    BASE,
    PATIENCE,
    build_of,
    builds,
    echo_package,
    echo_stack,
    example,
    manifest,
    pod_names,
    pods,
    publish,
    served_providers,
    wait_ready,
    with_name,
)
from tests.e2e.operator import Stacks, eventually, volume_by_hand
from tests.e2e.test_node import polled, service_url
from tests.matrix import full_matrix
from tests.packages.build import Package

pytestmark = pytest.mark.node

EXAMPLE = "external-provider"


@pytest.fixture
def stacks(installed: Node, node_kubectl: Kubectl) -> Stacks:
    """Stacks in this test's own namespace."""
    return Stacks(node_kubectl)


def images_of(stacks: Stacks, name: str) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods(stacks, name)}


def image_reason(stacks: Stacks, name: str) -> tuple[str, str]:
    found = stacks.conditions(name)["ImageReady"]
    return found["status"], found["reason"]


def test_the_example_is_built_shared_and_looked_at_anew(node: Node, stacks: Stacks) -> None:
    """Two modules from the machine's own package index; a second stack; the first goes; a fresh look."""
    place = f"{stacks.kubectl.namespace}/external-provider"
    settings, objects = index_settings()
    bodies = example({"repository": f"registry.local:5000/{place}", **settings})
    stacks.kubectl.apply([*objects, *bodies])
    stack = wait_ready(stacks, EXAMPLE)

    build = build_of(stacks, EXAMPLE)
    digest = build["status"]["digest"]
    assert (build["status"]["phase"], build["status"]["attempts"]) == ("Succeeded", 1)
    assert build["spec"]["reasons"]
    assert images_of(stacks, EXAMPLE) == {f"registry.local:5000/{place}@{digest}"}
    assert image_reason(stacks, EXAMPLE) == ("True", "UpToDate")
    served = served_providers(node, stacks, EXAMPLE)
    assert {("fms", "remote::trustyai_fms"), ("csoai", "remote::csoai")} <= served
    versions = {one["id"]: one["moduleVersion"] for one in stack["status"]["providers"]}
    assert versions == {"fms": "0.4.0", "csoai": "0.1.0"}
    _has_its_record(node, place, build)

    second = with_name(next(body for body in bodies if body["kind"] == "LlamaStack"), "second")
    stacks.kubectl.apply(second)
    wait_ready(stacks, "second")
    assert list(builds(stacks)) == [build["metadata"]["name"]], "the second stack uses the build of the first"
    assert len(stacks.kubectl.json("get", "jobs")["items"]) <= 1
    assert images_of(stacks, "second") == images_of(stacks, EXAMPLE)

    stacks.kubectl("delete", "llamastack", EXAMPLE)
    eventually(lambda: stacks.get("deployment", EXAMPLE) is None)
    assert build["metadata"]["name"] in builds(stacks)
    assert {("csoai", "remote::csoai")} <= served_providers(node, stacks, "second")

    before = pod_names(stacks, "second")
    stacks.kubectl("annotate", "llamastack", "second", "llamastack.dev/rebuild=1")
    eventually(lambda: build_of(stacks, "second")["metadata"]["name"] != build["metadata"]["name"])
    eventually(lambda: build_of(stacks, "second")["status"]["phase"] == "Succeeded", PATIENCE)
    fresh = build_of(stacks, "second")
    assert any("fresh look" in reason for reason in fresh["spec"]["reasons"]), fresh["spec"]["reasons"]
    assert fresh["status"]["lock"] == build["status"]["lock"]
    assert fresh["status"]["digest"] == digest, "the same versions are the same image"
    eventually(lambda: image_reason(stacks, "second") == ("True", "UpToDate"))
    wait_ready(stacks, "second")
    assert pod_names(stacks, "second") == before, "the same image is no rollout"


def _has_its_record(node: Node, place: str, build: Any) -> None:
    digest = build["status"]["digest"]
    image = manifest(node, place, digest)
    annotations = image["annotations"]
    assert annotations["llamastack.dev/build-key"] == build["spec"]["key"]
    assert annotations["org.opencontainers.image.base.name"] == BASE
    assert annotations["org.opencontainers.image.base.digest"] == build["status"]["baseDigest"]
    (bill,) = manifest(node, place, digest.replace(":", "-"))["manifests"]
    assert bill["artifactType"] == "application/vnd.cyclonedx+json"
    assert manifest(node, place, bill["digest"])["subject"]["digest"] == digest


@full_matrix
def test_a_new_version_of_a_module_is_one_new_layer(node: Node, stacks: Stacks, tmp_path: Path) -> None:
    """The requirement has a dash and a specifier, as packages have; the server runs with the name to import."""
    words = random.Random(1).randbytes(1_000_000).hex()  # noqa: S311 - what gzip makes no smaller than that
    publish(tmp_path, echo_package("1.0"), Package("demo-words", "1.0", {"demo_words.py": f"WORDS = '{words}'\n"}))
    with node.start_index("index.local", tmp_path) as index:
        build = {
            "repository": f"registry.local:5000/{stacks.kubectl.namespace}/echo",
            "pip": {"indexUrl": index.simple, "requirements": ["demo-words"]},
        }
        stacks.kubectl.apply(echo_stack("echo", "demo-echo>=1", build))
        wait_ready(stacks, "echo")
        first, old = build_of(stacks, "echo"), pod_names(stacks, "echo")
        assert ("echo", "remote::echo") in served_providers(node, stacks, "echo")
        assert first["status"]["modules"][0]["importName"] == "demo_echo"

        publish(tmp_path, echo_package("1.1"))
        with polled(node, service_url(stacks, "echo"), tmp_path) as seen:
            stacks.kubectl.apply(echo_stack("echo", "demo-echo>=1.1", build))
            stack = wait_ready(stacks, "echo")
        second = build_of(stacks, "echo")
    assert seen["failures"] == []
    assert not pod_names(stacks, "echo") & old
    assert stack["status"]["providers"][0]["moduleVersion"] == "1.1"
    assert any("demo-echo" in reason for reason in second["spec"]["reasons"]), second["spec"]["reasons"]
    assert first["status"]["digest"] != second["status"]["digest"]
    layers = [[one["digest"] for one in _image(node, build)["layers"]] for build in (first, second)]
    assert layers[0][:-1] == layers[1][:-1]
    assert layers[0][-1] != layers[1][-1]
    assert second["status"]["pushedBytes"] < 100_000 < 1_000_000 < first["status"]["pushedBytes"]


def _image(node: Node, build: Any) -> Any:
    """Return the manifest of a build's image."""
    place = build["spec"]["inputs"]["repository"].partition("/")[2]
    return manifest(node, place, build["status"]["digest"])


@full_matrix
def test_an_image_that_its_registry_lost_is_made_again(node: Node, stacks: Stacks, tmp_path: Path) -> None:
    """A registry with a password that holds no layer of the base: all is streamed to it, and once more after a loss."""
    publish(tmp_path, echo_package("1.0"))
    login = Login()
    with (
        node.start_registry("auth.registry.local", login=login) as registry,
        node.start_index("index.local", tmp_path) as index,
    ):
        stacks.kubectl.apply(docker_config("registry", {registry.host: login}))
        build = {
            "repository": f"{registry.host}/team/echo",
            "pushSecretRef": {"name": "registry"},
            "pip": {"indexUrl": index.simple},
        }
        stacks.kubectl.apply(echo_stack("echo", "demo-echo", build))
        wait_ready(stacks, "echo")
        made = build_of(stacks, "echo")
        assert made["status"]["pushedBytes"] > 10_000_000

        publish(tmp_path, echo_package("2.0"))
        registry.wipe()
        image = made["status"]["image"]
        stacks.kubectl("scale", "llamastack/echo", "--replicas=0")
        eventually(lambda: not stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/stack=echo")["items"], 90)
        node.exec([str(binaries("containerd") / "ctr"), "--namespace", "k8s.io", "images", "remove", "--sync", image])
        stacks.kubectl("scale", "llamastack/echo", "--replicas=1")

        def again() -> bool:
            found = build_of(stacks, "echo")
            assert found["metadata"]["uid"] == made["metadata"]["uid"]
            status = found["status"]
            return bool(status.get("rerun")) and status["phase"] == "Succeeded"

        eventually(again, PATIENCE)
        status = build_of(stacks, "echo")["status"]
        assert status["digest"] == made["status"]["digest"]
        assert status["lock"] == made["status"]["lock"], "2.0 is there, and is not what was locked"
        wait_ready(stacks, "echo")
        assert registry.manifest("team/echo", status["digest"])


def test_a_registry_with_an_authority_of_its_own(node: Node, stacks: Stacks, tmp_path: Path) -> None:
    """The base and the result are in it, so that the base's layers are mounted and never sent."""
    publish(tmp_path, echo_package("1.0"))
    login = Login()
    with (
        node.start_registry("tls.registry.local", login=login, tls=True, images=True) as registry,
        node.start_index("index.local", tmp_path) as index,
    ):
        authority = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}}
        stacks.kubectl.apply(
            [{**authority, "data": {"ca.crt": registry.ca}}, docker_config("registry", {registry.host: login})]
        )
        build = {
            "repository": f"{registry.host}/team/echo",
            "pushSecretRef": {"name": "registry"},
            "pullSecretRef": {"name": "registry"},
            "caBundleRef": {"name": "authority", "key": "ca.crt"},
            "pip": {"indexUrl": index.simple},
        }
        image = f"{registry.host}/llamastack/distribution-starter:0.7.3"
        release = {"package": "llama-stack", "version": "0.7.3"}
        stacks.kubectl.apply(echo_stack("echo", "demo-echo", build, image=image, release=release))
        wait_ready(stacks, "echo")
        assert build_of(stacks, "echo")["status"]["pushedBytes"] < 1_000_000
        assert images_of(stacks, "echo") == {build_of(stacks, "echo")["status"]["image"]}


@full_matrix
def test_without_a_repository_pods_install_what_is_locked(node: Node, stacks: Stacks, tmp_path: Path) -> None:
    """The claim keeps the files, so that the second start asks the index for nothing."""
    publish(tmp_path, echo_package("1.0"))
    name = stacks.kubectl.namespace
    stacks.kubectl.apply(volume_by_hand(node, str(name)))
    try:
        with node.start_index("index.local", tmp_path) as index:
            body = echo_stack("echo", "demo-echo", {"pip": {"indexUrl": index.simple}})
            body["spec"]["server"] = {"storage": {"size": "1Gi", "storageClassName": "by-hand"}}
            stacks.kubectl.apply(body)
            wait_ready(stacks, "echo")
            assert image_reason(stacks, "echo") == ("True", "InstalledAtStart")
            assert ("echo", "remote::echo") in served_providers(node, stacks, "echo")
            asked, old = index.requests(), pod_names(stacks, "echo")

            publish(tmp_path, echo_package("2.0"))
            stacks.kubectl("delete", "pod", *old)
            eventually(lambda: (new := pod_names(stacks, "echo")) and not new & old, 120)
            eventually(lambda: stacks.get("deployment", "echo")["status"].get("readyReplicas") == 1, PATIENCE)
            assert ("echo", "remote::echo") in served_providers(node, stacks, "echo")
            assert index.requests() == asked
    finally:
        stacks.kubectl("delete", "pv", str(name), "--wait=false")
