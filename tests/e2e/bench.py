"""One stack that serves and is edited case after case, and the registries and indexes that its builds need."""

from __future__ import annotations

import copy
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.fixtures import temporary_namespace
from tests.cluster.indexes import Index, index_login
from tests.cluster.node import Node
from tests.cluster.registries import Registry, docker_config
from tests.cluster.services import Login
from tests.e2e.installation import REPOSITORY
from tests.e2e.operator import Stacks, eventually
from tests.packages.build import Package, make_wheel
from tests.packages.providers import all_packages, module_package

NAME = "quickstart"
BUILT_WITHIN = 240.0
"""Seconds that a build of our own little packages may take on a busy machine, a wait for another try included."""
STARTER = "llamastack/distribution-starter:0.7.3"
PUSHER, READER = Login("pusher", "pushes-well"), Login("reader", "reads-well")
WRONG = Login("pusher", "not-the-password")


@dataclass
class Bench:
    """A namespace with a stack that serves.

    Attributes:
        node: the node.
        stacks: the stacks of the namespace.
        folder: the packages that the indexes serve.
        registry: asks for `PUSHER`; it has the base images, so that no build copies them.
        index: the index that asks nobody.
        repository: where the case at hand pushes to.
    """

    node: Node
    stacks: Stacks
    folder: Path
    registry: Registry
    index: Index
    repository: str = ""
    _served: set[str] = field(default_factory=set)
    _pushes_to: str = ""

    @property
    def base(self) -> str:
        """The base image, in the registry that is pushed to."""
        return f"{self.registry.host}/{STARTER}"

    def case(self, name: str) -> None:
        """Begin a case: the stack without modules serves, and the case has a repository of its own."""
        self.repository = f"cases/{name}"
        self.apply(self.good())
        self.stacks.kubectl("wait", "--for=condition=Ready", f"llamastack/{NAME}", "--timeout=180s", timeout=200)
        self._served = self.pods()
        assert self._served

    def good(self) -> dict[str, Any]:
        """Return the stack without modules."""
        body: dict[str, Any] = yaml.safe_load((REPOSITORY / "examples" / "quickstart.yaml").read_text())
        return body

    def body(self, module: str = "demo-single==1.0", image: str | None = None, **build: Any) -> dict[str, Any]:
        """Return the stack with a module and build settings on top of those that work."""
        body = copy.deepcopy(self.good())
        spec = body["spec"]
        spec["distribution"]["image"] = image or self.base
        spec["runConfig"]["apis"].append("tool_runtime")
        provider = module.split("=")[0].removeprefix("demo-").replace("-", "_")
        spec["runConfig"]["providers"]["tool_runtime"] = [
            {"provider_id": "mine", "provider_type": f"remote::{provider}", "module": module, "config": {}}
        ]
        spec["build"] = {
            "repository": f"{self.registry.host}/{self.repository}",
            "pushSecretRef": {"name": "push"},
            "pullSecretRef": {"name": "push"},
            "pip": {"indexUrl": self.index.simple},
            **build,
        }
        return body

    def apply(self, body: dict[str, Any]) -> None:
        """Apply the stack."""
        self._pushes_to = body["spec"].get("build", {}).get("repository", "")
        self.stacks.kubectl.apply(body)

    def secret(self, *bodies: dict[str, Any]) -> None:
        """Make, or correct, Secrets and ConfigMaps."""
        self.stacks.kubectl.apply(list(bodies))

    def fails(self, reason: str, *words: str, stalled: bool, patience: float = BUILT_WITHIN) -> dict[str, Any]:
        """Wait for a reason of ImageReady; it is told by Ready too, and the serving pods are untouched.

        Args:
            words: what the message of the condition, or the hint of its finding, must say.
        """

        def told() -> Any:
            found = self.stacks.conditions(NAME)
            image = found["ImageReady"]
            assert (image["status"], image["reason"]) == ("False", reason), image
            return found

        found: dict[str, Any] = eventually(told, patience)
        assert not [word for word in words if word not in self._told(reason)], self._told(reason)
        assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", reason), found["Ready"]
        assert (found.get("Stalled", {}).get("status") == "True") is stalled, found
        assert found["Available"]["status"] == "True", found["Available"]
        assert self._served <= self.pods(), "the pods of the earlier generation serve on"
        return found

    def _told(self, reason: str) -> str:
        status = self.stacks.kubectl.json("get", "llamastack", NAME)["status"]
        (finding,) = [finding for finding in status["findings"] if finding["reason"] == reason]
        (condition,) = [one for one in status["conditions"] if one["type"] == "ImageReady"]
        return f"{condition['message']}; {finding.get('hint', '')}"

    def refused(self, patience: float = BUILT_WITHIN) -> dict[str, Any]:
        """Wait until a build failed for whatever reason; the serving pods are untouched."""
        waits = ("BuildQueued", "Queued", "Building")

        def told() -> Any:
            found = self.stacks.conditions(NAME)
            image = found["ImageReady"]
            assert image["status"] == "False", image
            assert image["reason"] not in waits, image
            return found

        found: dict[str, Any] = eventually(told, patience)
        assert self._served <= self.pods(), "the pods of the earlier generation serve on"
        return found

    def recovers(self, patience: float = BUILT_WITHIN) -> dict[str, Any]:
        """Wait until the image is built; the pods that serve are not stopped by that."""

        def built() -> Any:
            found = self.stacks.conditions(NAME)["ImageReady"]
            assert (found["status"], found["reason"]) == ("True", "UpToDate"), found
            return found

        found: dict[str, Any] = eventually(built, patience)
        assert f"{self.repository}@sha256:" in found["message"]
        return found

    def pods(self) -> set[str]:
        """Return the pods of the stack that serve."""
        listed = self.stacks.kubectl.json("get", "pods", "-l", f"llamastack.dev/stack={NAME}")["items"]
        return {
            pod["metadata"]["uid"]
            for pod in listed
            if "deletionTimestamp" not in pod["metadata"]
            and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        }

    def build(self) -> dict[str, Any]:
        """Return the build that the stack waits for, or uses."""
        name = self.stacks.kubectl.json("get", "llamastack", NAME)["status"]["buildRef"]["name"]
        found: dict[str, Any] = self.stacks.kubectl.json("get", "llamastackbuild", name)
        assert found["spec"]["inputs"]["repository"] == self._pushes_to
        return found

    def build_pod(self, ready: Callable[[dict[str, Any]], bool] = lambda _: True) -> str:
        """Wait for the pod of the newest try and return its name."""

        def found() -> Any:
            build = self.build()
            label = f"llamastack.dev/build={build['metadata']['name']}"
            pods = self.stacks.kubectl.json("get", "pods", "-l", label)["items"]
            (pod,) = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            return pod["metadata"]["name"] if ready(pod) else None

        return str(eventually(found, BUILT_WITHIN))

    def layer(self, folder: Path) -> Path:
        """Unpack the layer that the build made, from the registry's own storage."""
        reference = self.build()["status"]["image"].partition("@")[2]
        manifest = self.registry.manifest(self.repository, reference)
        return unpack(self.registry, manifest["layers"][-1]["digest"], folder)


def unpack(registry: Registry, digest: str, folder: Path) -> Path:
    """Unpack a layer from a registry's storage and return the folder."""
    kind, _, value = digest.partition(":")
    (blob,) = registry.storage.parent.rglob(f"blobs/{kind}/{value[:2]}/{value}/data")
    subprocess.run(["tar", "-xzf", str(blob), "-C", str(folder)], check=True)
    return folder


def certificates(name: str, pem: str) -> dict[str, Any]:
    """Return a ConfigMap with an authority."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"ca.crt": pem}}


def slow_module(seconds: int) -> Package:
    """Return a provider package whose import takes its time."""
    package = module_package("demo-slow", 'remote(Api.tool_runtime, "slow", "demo_slow.impl", [])')
    provider = package.files["demo_slow/provider.py"]
    files = {**package.files, "demo_slow/provider.py": f"import time\ntime.sleep({seconds})\n{provider}"}
    return Package("demo-slow", str(seconds), files)


def large_module(megabytes: int) -> Package:
    """Return a provider package with many bytes that cannot be compressed."""
    package = module_package("demo-large", 'remote(Api.tool_runtime, "large", "demo_large.impl", [])')
    noise = {"demo_large/noise.txt": os.urandom(megabytes << 19).hex()}
    return Package("demo-large", "1.0", {**package.files, **noise})


@contextmanager
def bench(node: Node, folder: Path) -> Iterator[Bench]:
    """Run what builds need, with a stack that serves."""
    all_packages(folder)
    for package in (slow_module(8), slow_module(300), large_module(6)):
        make_wheel(package, folder)
    for namespace in temporary_namespace(node.kubectl):
        stacks = Stacks(node.kubectl.within(namespace))
        stacks.kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
        with (
            node.start_registry("auth.registry.local", login=PUSHER, images=True) as registry,
            node.start_index("index.local", folder) as index,
        ):
            stacks.kubectl.apply(docker_config("push", {registry.host: PUSHER}))
            stacks.kubectl.apply(index_login("index", READER))
            yield Bench(node, stacks, folder, registry, index)
            stacks.kubectl("delete", "llamastack", NAME)
