"""Image builds beside buildah's: `python -m benchmarks.images [--rounds 3]`; needs root, as the embedded cluster does.

With `--requirement` (as often as wanted) the image has more packages, as those of modules that depend on more than the
example's do.

Both make the same image: the same base, the same modules, from the same package index (a mirror in the node, so that
neither waits for the network), pushed with gzip to the same registry. Ours is timed from the apply of a LlamaStack to
the end of its LlamaStackBuild; buildah's from `buildah bud` of the Containerfile that `llamastack containerfile` makes,
with its layer cache, to the end of `buildah push`. Both have the base at hand before. Cold: nothing of the modules was
built before. Warm: one module's version changes after that. They take turns; what to compare is the ratio of a pair.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.buildah import Buildah
from tests.cluster.indexes import Index
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.cluster.registries import Registry
from tests.e2e.installation import REPOSITORY, install_operator

NODE = "bench-images"
NAMESPACE = "bench"
EXAMPLE = REPOSITORY / "examples" / "external-provider.yaml"
REGISTRY = "other.registry.local"
FMS, CSOAI = "llama_stack_provider_trustyai_fms", "llama_stack_provider_csoai==0.1.0"
COLD, WARM = "0.3.2", "0.4.0"
_SECONDS = 600


@dataclass(frozen=True)
class Result:
    """One build.

    Attributes:
        seconds: wall time, push included.
        pushed: bytes that the registry received.
        size: bytes of the image, compressed.
    """

    seconds: float
    pushed: int
    size: int


class Wire:
    """Counts what a registry receives, protocol included, by the node's packet filter.

    Args:
        node: the node.
        registry: the registry.
    """

    def __init__(self, node: Node, registry: Registry) -> None:
        self._node = node
        self._rule = ["-d", registry.address, "-p", "tcp", "--dport", str(registry.port)]
        node.exec(["iptables", "-w", "-I", "INPUT", *self._rule])

    def received(self) -> int:
        """Bytes so far."""
        lines = self._node.exec(["iptables", "-w", "-nvxL", "INPUT", "1"]).stdout.split()
        return int(lines[1])


@dataclass(frozen=True)
class Bench:
    """One node with the operator, a registry that holds the base, and a mirror of the package index."""

    node: Node
    kubectl: Kubectl
    registry: Registry
    index: Index
    wire: Wire
    requirements: list[str]

    @property
    def base(self) -> str:
        """The base image of both."""
        return f"{self.registry.host}/llamastack/distribution-starter:0.7.3"

    def stack(self, name: str, version: str) -> dict[str, Any]:
        """Return the example, on this base, with this version of one module."""
        body: dict[str, Any] = next(yaml.safe_load_all(EXAMPLE.read_text()))
        body["metadata"]["name"] = name
        spec = body["spec"]
        spec["distribution"]["image"] = self.base
        spec["runConfig"]["providers"]["safety"][0]["module"] = f"{FMS}=={version}"
        # buildah starts no server either, and this one would take the processors from a build that runs beside it.
        spec["suspend"] = True
        pip = {"indexUrl": self.index.simple, "requirements": self.requirements}
        spec["build"] = {"repository": f"{self.registry.host}/ours/{name}", "pip": pip}
        return body

    def image(self, repository: str, reference: str) -> int:
        """Return the compressed size of an image."""
        manifest = self.registry.manifest(repository, reference)
        return sum(layer["size"] for layer in [manifest["config"], *manifest["layers"]])

    @contextmanager
    def measured(self, repository: str, reference: list[str], into: list[Result]) -> Iterator[None]:
        """Time a build; its block leaves the image's tag or digest in `reference`."""
        # What the other left to be written to the disk is not for this one to wait for.
        os.sync()
        before, begin = self.wire.received(), time.monotonic()
        yield
        seconds, pushed = time.monotonic() - begin, self.wire.received() - before
        into.append(Result(seconds, pushed, self.image(repository, reference[-1])))


def ours(bench: Bench, name: str, version: str, into: list[Result]) -> None:
    """Let the operator build, cold for a new name; the stack is there already for a warm build."""
    reference: list[str] = []
    body = bench.stack(name, version)
    with bench.measured(f"ours/{name}", reference, into):
        bench.kubectl.apply(body)
        reference.append(built(bench.kubectl, version))


def built(kubectl: Kubectl, version: str) -> str:
    """Wait for the build with this version of the module and return its digest.

    A watch tells of its end: asking again and again would take a processor from it.
    """
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        builds = kubectl.json("get", "llamastackbuilds")["items"]
        names = [build["metadata"]["name"] for build in builds if f"=={version}" in json.dumps(build["spec"])]
        if names:
            build = f"llamastackbuild/{names[0]}"
            kubectl("wait", build, "--for=jsonpath={.status.finishedAt}", f"--timeout={_SECONDS}s", timeout=_SECONDS)
            status = kubectl.json("get", build)["status"]
            if "digest" not in status:
                raise SystemExit(f"our build failed: {status['failure']}")
            return str(status["digest"])
        refuse(kubectl)
        time.sleep(0.1)
    raise SystemExit(f"there is no build with {FMS}=={version} after {_SECONDS} s")


def refuse(kubectl: Kubectl) -> None:
    """End where a stack is refused: no build would ever come."""
    for stack in kubectl.json("get", "llamastacks")["items"]:
        found = [finding["message"] for finding in stack.get("status", {}).get("findings", [])]
        if found:
            raise SystemExit(f"the stack is refused: {'; '.join(found)}")


def theirs(bench: Bench, buildah: Buildah, name: str, version: str, into: list[Result]) -> None:
    """Let buildah build the generated Containerfile and push it."""
    body = bench.stack(name, version)
    target = f"{bench.registry.host}/buildah/{name}:{version}"
    # Made before the clock starts; it is the same plan.
    file = buildah.containerfile(body)
    with bench.measured(f"buildah/{name}", [version], into):
        buildah.build(file, target)
        buildah.push(target)


def floor(bench: Bench, number: int) -> float:
    """Return the seconds of a pod with as many containers as a build's, of which none does anything.

    No build that keeps tenants' code apart from credentials by containers can be faster on this machine.
    """
    name = f"floor-{number}"

    def container(place: str, code: str, **more: str) -> dict[str, Any]:
        return {"name": place, "image": bench.base, "command": ["python3", "-c", code], **more}

    sidecar = container("index", "import signal; signal.pause()", restartPolicy="Always")
    starting = [container("prepare", ""), sidecar, container("install", "")]
    spec = {"restartPolicy": "Never", "initContainers": starting, "containers": [container("push", "")]}
    ended = "jsonpath={.status.containerStatuses[0].state.terminated.reason}=Completed"
    begin = time.monotonic()
    bench.kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    bench.kubectl("wait", f"pod/{name}", f"--for={ended}", f"--timeout={_SECONDS}s", timeout=_SECONDS)
    seconds = time.monotonic() - begin
    bench.kubectl("delete", "pod", name, "--grace-period=0", "--force")
    return seconds


def one_round(bench: Bench, buildah: Buildah, number: int, results: dict[tuple[str, str], list[Result]]) -> None:
    """Build cold and warm by both, one after the other."""
    name = f"round-{number}"
    buildah.forget(bench.base)
    for kind, version in (("cold", COLD), ("warm", WARM)):
        ours(bench, name, version, results.setdefault(("ours", kind), []))
        theirs(bench, buildah, name, version, results.setdefault(("buildah", kind), []))
    # Its server and its builds must not run beside the next round.
    bench.kubectl("delete", "llamastack", name)
    bench.kubectl("delete", "llamastackbuilds", "--all")


def report(results: dict[tuple[str, str], list[Result]]) -> None:
    """Print medians, and ratios of pairs."""
    print("\nkind  by       seconds    pushed MB  image MB")
    for kind in ("cold", "warm"):
        for who in ("ours", "buildah"):
            found = results[who, kind]
            seconds = statistics.median(result.seconds for result in found)
            pushed = statistics.median(result.pushed for result in found) / 1e6
            print(f"{kind:5} {who:8} {seconds:7.1f} {pushed:12.1f} {found[-1].size / 1e6:9.1f}")
        pairs = zip(results["buildah", kind], results["ours", kind], strict=True)
        ratios = [(theirs.seconds / own.seconds, theirs.pushed / own.pushed) for theirs, own in pairs]
        faster = statistics.median(ratio for ratio, _ in ratios)
        less = statistics.median(ratio for _, ratio in ratios)
        spread = f"{min(ratio for ratio, _ in ratios):.1f} to {max(ratio for ratio, _ in ratios):.1f}"
        print(f"{kind:5} ours is {faster:.1f} times as fast ({spread}) and pushes {1 / less:.3f} of the bytes\n")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requirement", action="append", default=[], help="one more package of the image")
    options = parser.parse_args()
    results: dict[tuple[str, str], list[Result]] = {}
    floors: list[float] = []
    with (
        Node.create(NODE) as node,
        node.start_registry(REGISTRY, images=True) as registry,
        node.start_mirror() as index,
    ):
        insecure = json.dumps([registry.host])
        install_operator(node, "--set-json", f"builds.insecureRegistries={insecure}")
        node.kubectl("create", "namespace", NAMESPACE)
        kubectl = node.kubectl.within(NAMESPACE)
        bench = Bench(node, kubectl, registry, index, Wire(node, registry), options.requirement)
        with Buildah(node, index) as buildah:
            print(f"buildah stores by {buildah.driver}", flush=True)
            prepare(bench, buildah)
            for number in range(options.rounds):
                one_round(bench, buildah, number, results)
                floors.append(floor(bench, number))
                print(
                    f"round {number + 1}: "
                    + ", ".join(f"{a} {b} {r[-1].seconds:.1f} s" for (a, b), r in results.items())
                )
    report(results)
    print(f"a pod with a build's four containers, none of which does anything: {statistics.median(floors):.1f} s")
    return 0


def prepare(bench: Bench, buildah: Buildah) -> None:
    """Give both what a machine has that builds every day: the base image, and a filled cache of the package index."""
    _, *others = yaml.safe_load_all(EXAMPLE.read_text())
    bench.kubectl.apply(others)
    buildah.pull(bench.base)
    for version in (COLD, WARM):
        discarded: list[Result] = []
        ours(bench, "warm-up", version, discarded)
    bench.kubectl("delete", "llamastack", "warm-up")
    bench.kubectl("delete", "llamastackbuilds", "--all")


if __name__ == "__main__":
    raise SystemExit(main())
