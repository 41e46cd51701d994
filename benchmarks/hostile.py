"""What another tenant loses where one stores what is hostile: `python -m benchmarks.hostile [--only WORD]`.

For each kind of what is stored: how soon a stack of another namespace has its Deployment, created while it is stored,
and created while the operator is down, counted from its start; the slowest answer of `/healthz` meanwhile; and the most
memory that all processes of the operator had together. It runs in a network namespace of its own (root), where the
addresses of Services lead to this machine: there the servers of the last kind accept connections and never answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.configuration import Configuration

from benchmarks.measure import meanwhile, peak_memory
from benchmarks.sightings import seen
from llamastack_operator.kube.client import Client
from llamastack_operator.objects.resources import DEPLOYMENTS, LLAMASTACKS
from tests.cluster import ControlPlane
from tests.cluster.apiserver import SERVICE_RANGE
from tests.cluster.kubectl import Kubectl
from tests.cluster.processes import free_port
from tests.e2e.operator import OperatorProcess
from tests.support.hostile import ATTEMPTS, BOMBS, LARGE, WORDS, job, long_deployment, with_value, words
from tests.support.minimal import minimal

PATIENCE = 120.0
"""Seconds after which a bystander counts as lost."""
SILENT = 200
"""How many stacks have servers that do not answer."""
_ASKED = 0.1
"""Seconds between two looks at `/healthz`."""


@dataclass
class Probe:
    """The slowest answer of `/healthz` in seconds, and how many there were; one that failed takes as long as a probe of
    the chart waits."""

    slowest: float = 0.0
    answers: int = 0


@dataclass
class Scene:
    """A control plane, an operator on it, and a tenant.

    Attributes:
        client: the API server.
        kubectl: the hostile tenant's kubectl.
        operator: the operator.
        tasks: what the tenant does meanwhile.
    """

    client: Client
    kubectl: Kubectl
    operator: OperatorProcess
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def create(self, path: str, body: str) -> None:
        """Send JSON to a path as it is, as the hostile tenant."""
        await asyncio.to_thread(self.kubectl, "create", "--raw", path, "-f", "-", stdin=body)

    async def create_stack(self, body: str) -> None:
        """Create a LlamaStack from JSON."""
        await self.create(f"/apis/llamastack.dev/v1alpha1/namespaces/{self.kubectl.namespace}/llamastacks", body)

    async def create_config_map(self, name: str, data: dict[str, str]) -> None:
        """Create a ConfigMap."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        await self.create(f"/api/v1/namespaces/{self.kubectl.namespace}/configmaps", json.dumps(body))

    async def bystander(self, name: str, launches: bool = False) -> float:
        """Create a stack of another namespace and return when its Deployment was there, of this process's clock.

        Args:
            name: of the stack.
            launches: whether the operator is down, and started once the stack is there.
        """
        body = {**minimal(name), "metadata": {"name": name, "namespace": "bystander"}}
        async with seen(self.client, DEPLOYMENTS, "bystander", lambda _: True) as deployed:
            await self.client.create(LLAMASTACKS, body)
            if launches:
                self.operator.launch()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while name not in deployed.times:
                        await asyncio.sleep(0.005)
        return deployed.times.get(name, float("inf"))


async def _large(scene: Scene, shape: str, count: int) -> None:
    for number in range(count):
        await scene.create_stack(with_value(minimal(f"large-{number}"), LARGE[shape]))


async def _edits(scene: Scene) -> None:
    await _large(scene, "numbers in YAML", 6)

    async def edit(name: str) -> None:
        for number in range(10_000):
            await asyncio.to_thread(scene.kubectl, "label", "llamastack", name, f"edit={number}", "--overwrite")
            await asyncio.sleep(1)

    scene.tasks += [asyncio.create_task(edit(f"large-{number}")) for number in range(6)]


async def _config_maps(scene: Scene) -> None:
    names = [f"large-{number}" for number in range(128)]
    for name in names:
        await scene.create_config_map(name, {"k": "a" * 1_040_000 + "\U0001f600"})
    env = [
        {"name": f"A{number}", "valueFrom": {"configMapKeyRef": {"name": name, "key": "k"}}}
        for number, name in enumerate(names)
    ]
    await scene.create_stack(json.dumps(minimal("refers", server={"env": env})))


async def _bombs(scene: Scene) -> None:
    for number, text in enumerate(BOMBS.values()):
        await scene.create_config_map(f"bomb-{number}", {"run.yaml": text})
        body = minimal(f"bombed-{number}")
        reference = {"configMapKeyRef": {"name": f"bomb-{number}", "key": "run.yaml"}}
        spec = {"distribution": body["spec"]["distribution"], "runConfigFrom": reference}
        await scene.create_stack(json.dumps({**body, "spec": spec}))


async def _words(scene: Scene) -> None:
    for number, which in enumerate(WORDS):
        await scene.create_stack(json.dumps(minimal(f"words-{number}", runConfig=words(which))))


async def _jobs(scene: Scene) -> None:
    for name, attempt in ATTEMPTS.items():
        await scene.create(f"/apis/batch/v1/namespaces/{scene.kubectl.namespace}/jobs", json.dumps(job(name, attempt)))


async def _long_line(scene: Scene) -> None:
    path = f"/apis/apps/v1/namespaces/{scene.kubectl.namespace}/deployments"
    await scene.create(path, json.dumps(long_deployment("victim")))


async def _silent(scene: Scene) -> None:
    """Have stacks whose server accepts a connection and never answers: they are ready, for somebody says so."""
    held: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    await asyncio.start_server(accept, "0.0.0.0", 8321, backlog=4096)  # noqa: S104 - of a network of its own
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    patch = json.dumps({"status": status})
    for number in range(SILENT):
        await scene.create_stack(json.dumps(minimal(f"silent-{number}")))
    for number in range(SILENT):
        what = ("patch", "deployment", f"silent-{number}", "--subresource", "status", "--type", "merge", "-p", patch)
        while True:
            with contextlib.suppress(RuntimeError):
                await asyncio.to_thread(scene.kubectl, *what)
                break
            await asyncio.sleep(0.2)


KINDS: dict[str, Callable[[Scene], Coroutine[object, object, None]]] = {
    **{f"a large stack: {shape}": functools.partial(_large, shape=shape, count=1) for shape in LARGE},
    **{f"15 large stacks: {shape}": functools.partial(_large, shape=shape, count=15) for shape in LARGE},
    "six large stacks, edited each second": _edits,
    "128 ConfigMaps of 1 MiB": _config_maps,
    "YAML bombs in ConfigMaps": _bombs,
    "texts for slow expressions": _words,
    "Jobs with numbers that are none": _jobs,
    "a watch line of megabytes": _long_line,
    f"{SILENT} servers that do not answer": _silent,
}


@contextlib.asynccontextmanager
async def probed(port: int) -> AsyncIterator[Probe]:
    """Ask `/healthz` again and again meanwhile, from its first answer on."""
    probe = Probe()

    async def ask() -> None:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                begin = time.monotonic()
                try:
                    async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                        assert answer.status == 200
                    probe.answers += 1
                    probe.slowest = max(probe.slowest, time.monotonic() - begin)
                except (aiohttp.ClientError, OSError):
                    if isinstance(sys.exception(), TimeoutError):
                        probe.slowest = max(probe.slowest, time.monotonic() - begin)
                await asyncio.sleep(_ASKED)

    async with meanwhile(ask()):
        yield probe


async def measure(scene: Scene, port: int, number: int, name: str) -> None:
    """Store one kind, look how a bystander fares, and print it."""
    namespace = scene.kubectl.namespace
    scene.kubectl("create", "namespace", str(namespace))
    scene.operator.launch()
    async with probed(port) as probe, peak_memory(lambda: scene.operator.pid) as peak:
        while not probe.answers:
            await asyncio.sleep(0.05)
        storing = asyncio.create_task(KINDS[name](scene))
        begin = time.monotonic()
        first = await scene.bystander(f"first-{number}") - begin
        await storing
        begin = time.monotonic()
        beside = await scene.bystander(f"beside-{number}") - begin
        await asyncio.sleep(5)
        scene.operator.kill()
        begin = time.monotonic()
        after = await scene.bystander(f"after-{number}", launches=True) - begin
        await asyncio.sleep(10)
    for task in scene.tasks:
        task.cancel()
    await asyncio.gather(*scene.tasks, return_exceptions=True)
    scene.tasks.clear()
    scene.operator.kill()
    await asyncio.to_thread(scene.kubectl, "delete", "namespace", str(namespace), "--wait=true", timeout=300)
    print(
        f"{name:45} {first:5.1f} s {beside:5.1f} s {after:5.1f} s {probe.slowest:6.2f} s {peak.megabytes:6.0f} MB",
        flush=True,
    )


async def run(plane: ControlPlane, only: str) -> None:
    """Measure the kinds whose names contain a word."""
    configuration = Configuration()
    await kubernetes_config.load_kube_config(str(plane.kubeconfig), client_configuration=configuration)
    client = Client(configuration)
    plane.kubectl("create", "namespace", "bystander")
    print(f"{'stored by another':45} {'first':>7} {'beside':>7} {'restart':>7} {'/healthz':>8} {'memory':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(KINDS):
            if only in name:
                kubectl = plane.kubectl.within(f"hostile-{number}")
                port = free_port()
                operator = OperatorProcess(plane.kubeconfig, Path(folder), "--health-port", str(port))
                await measure(Scene(client, kubectl, operator), port, number, name)
    await client.close()


def main() -> None:
    """Run in a network namespace of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="measure what has this word in its name")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        command = ["unshare", "--net", sys.executable, "-m", "benchmarks.hostile", "--inside", "--only", options.only]
        sys.exit(subprocess.run(command, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "route", "add", "local", SERVICE_RANGE, "dev", "lo"], check=True)
    with ControlPlane() as plane:
        plane.kubectl("apply", "--server-side", "-f", "crds")
        plane.kubectl("wait", "--for=condition=Established", "crd/llamastacks.llamastack.dev", "--timeout=30s")
        asyncio.run(run(plane, options.only))


if __name__ == "__main__":
    main()
