"""How fast the operator reconciles, as a ratio to a floor: `python -m benchmarks.reconcile [--stacks 100 1000]`.

The floor is a bare asynchronous client that sends the writes that the operator sends, made ready before, against the
same control plane in the same run: what remains is what our own code costs. The benchmark ends with an error where the
floor's requests or objects are not those of the operator. The floor runs once for each number of clients that is given,
and its fastest run counts: that more clients are not faster shows that it is a bound. Times on shared machines wander
by a third; ratios and counts are what to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import ApiClient, CoreV1Api
from kubernetes.aio.client.configuration import Configuration

from benchmarks.floor import Floor, Requests, check_objects, check_requests, moved
from benchmarks.measure import AuditLog, cpu_seconds, memory_mb, peak_memory, percentile, side_by_side
from benchmarks.sightings import seen, settled, until_all
from benchmarks.workload import stack
from llamastack_operator.kube.client import Client, Object
from llamastack_operator.objects.resources import DEPLOYMENTS, LLAMASTACKS
from tests.cluster import ControlPlane

CONCURRENCY = 16
"""How many stacks are created or edited side by side."""
FLOOR_CLIENTS = (16, 64)
"""How many stacks the floor sends side by side; with 64 each of the client's 64 connections is busy all the time."""
AGENTS = ("llamastack-operator", "kopf")
WRITES = ("create", "update", "patch", "delete")
READS = ("get", "list")


class Bench:
    """One control plane and one operator on it.

    Args:
        configuration: how to reach it as an administrator.
        kubeconfig: the administrator's kubeconfig.
        audit: the API server's audit log.
    """

    def __init__(self, configuration: Configuration, kubeconfig: Path, audit: AuditLog) -> None:
        self.client = Client(configuration)
        self.admin = CoreV1Api(ApiClient(configuration))
        self.kubeconfig = kubeconfig
        self.audit = audit
        self.operator: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The operator's process.

        Raises:
            LookupError: there is none.
        """
        if self.operator is None:
            raise LookupError("no operator runs")
        return self.operator.pid

    async def start_operator(self, quiet: float = 1.0) -> float:
        """Start the operator and wait until it has used no CPU for `quiet` seconds; return the time when that began."""
        command = [sys.executable, "-m", "llamastack_operator", "--health-port", "0", "--log-format", "text"]
        self.operator = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": str(self.kubeconfig)})
        await asyncio.sleep(1)
        return await self.rest(quiet)

    def stop_operator(self) -> None:
        """Stop the operator."""
        if self.operator is not None:
            self.operator.send_signal(signal.SIGTERM)
            self.operator.wait(30)
            self.operator = None

    async def rest(self, quiet: float = 1.0) -> float:
        """Wait until the operator uses no CPU for `quiet` seconds; return the time when that began."""
        since, used = time.monotonic(), cpu_seconds(self.pid)
        while time.monotonic() - since < quiet:
            await asyncio.sleep(0.05)
            if (now := cpu_seconds(self.pid)) > used + 0.02:
                since, used = time.monotonic(), now
        return since

    async def create(self, namespace: str, names: Iterable[str]) -> dict[str, float]:
        """Create stacks side by side; return when each creation was answered."""
        created: dict[str, float] = {}

        async def one(number: int, name: str) -> None:
            await self.client.create(LLAMASTACKS, stack(namespace, name, number))
            created[name] = time.monotonic()

        await side_by_side((one(number, name) for number, name in enumerate(names)), CONCURRENCY)
        return created

    async def edit_all(self, namespace: str, names: Iterable[str]) -> None:
        """Change an environment variable of every stack."""

        async def one(number: int, name: str) -> None:
            body = stack(namespace, name, number)
            body["spec"]["server"]["env"][0]["value"] = "http://other-server:8000/v1"
            await self.client.apply(LLAMASTACKS, body, manager="bench")

        await side_by_side((one(number, name) for number, name in enumerate(names)), CONCURRENCY)


def summed(counts: Requests, verbs: tuple[str, ...]) -> int:
    """Return how many requests had one of the verbs."""
    return sum(count for (verb, _), count in counts.items() if verb in verbs)


async def namespace(bench: Bench, name: str) -> str:
    """Create a namespace."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await bench.admin.create_namespace(body)
    return name


async def create_many(bench: Bench, count: int, label: str, clients: Sequence[int]) -> str:
    """Create `count` stacks at once with the operator running and print how it went."""
    home = await namespace(bench, f"bench-{label}-{count}")
    names = [f"stack-{number:04d}" for number in range(count)]
    bench.audit.mark()
    cpu = cpu_seconds(bench.pid)
    async with (
        seen(bench.client, DEPLOYMENTS, home, lambda _: True) as deployed,
        seen(bench.client, LLAMASTACKS, home, settled(1)) as done,
    ):
        begin = time.monotonic()
        created = await bench.create(home, names)
        elapsed = await until_all(done, count) - begin
        await until_all(deployed, count)
        cpu = cpu_seconds(bench.pid) - cpu
        await bench.rest()
    counts = bench.audit.requests(*AGENTS)
    delays = [deployed.times[name] - created[name] for name in names]
    print(
        f"create {count}: {count / elapsed:.1f} stacks/s, CPU of all its processes {1000 * cpu / count:.1f} ms a stack"
    )
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    print(f"  create to Deployment: p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms")
    print(f"  requests a stack: {summed(counts, WRITES) / count:.2f} writes, {summed(counts, READS) / count:.2f} reads")
    for (verb, resource), number in sorted(counts.items()):
        if verb != "watch":
            print(f"    {verb:7} {resource:28} {number / count:.2f}")
    print(f"  memory of all processes: {memory_mb(bench.pid):.0f} MB")
    bench.stop_operator()
    await check_objects(bench.client, home, names)
    rates = [await floor_rate(bench, home, names, done.statuses, counts, number) for number in clients]
    await bench.start_operator()
    floor = max(rates)
    print(f"  ratio to the floor: {count / elapsed / floor:.2f}")
    if len(rates) > 1 and floor == rates[-1] > 1.1 * max(rates[:-1]):
        print("  the floor is no bound yet: more clients were faster")
    return home


async def floor_rate(
    bench: Bench,
    source: str,
    names: Sequence[str],
    statuses: Mapping[str, Sequence[Object]],
    counts: Requests,
    clients: int,
) -> float:
    """Return stacks/s of the bare client on the same control plane, with the operator stopped, and print it.

    Args:
        bench: the control plane.
        source: the namespace of the operator's stacks.
        names: the names of the stacks.
        statuses: the statuses that the operator wrote for each.
        counts: the requests of the operator.
        clients: how many stacks are sent side by side.
    """
    home = await namespace(bench, f"{source.replace('bench-', 'floor-')}-{clients}")
    writes = {name: [moved(status, source, home) for status in statuses[name]] for name in names}
    elapsed, requests = await Floor(bench.client, bench.audit, home, names).run(writes, clients)
    check_requests(counts, requests, WRITES)
    await check_objects(bench.client, home, names)
    rate = len(names) / elapsed
    each = summed(requests, WRITES) / len(names)
    print(f"  floor with {clients} clients: {rate:.1f} stacks/s, {each:.2f} writes a stack")
    await bench.admin.delete_namespace(home)
    while any(item.metadata.name == home for item in (await bench.admin.list_namespace()).items):
        await asyncio.sleep(1)
    return rate


async def edit_many(bench: Bench, home: str, count: int) -> None:
    """Edit all stacks at once and print how long it took."""
    names = [f"stack-{number:04d}" for number in range(count)]
    async with seen(bench.client, LLAMASTACKS, home, settled(2)) as done:
        begin = time.monotonic()
        await bench.edit_all(home, names)
        elapsed = await until_all(done, count) - begin
    print(f"edit all {count}: {elapsed:.1f} s ({count / elapsed:.1f} stacks/s)")
    await bench.rest()


async def newcomers(bench: Bench, home: str, count: int) -> None:
    """Create stacks one by one beside the many and print how soon their Deployments are there."""
    names = [f"newcomer-{number}" for number in range(count)]
    delays = []
    async with seen(bench.client, DEPLOYMENTS, home, lambda _: True) as deployed:
        for name in names:
            created = await bench.create(home, [name])
            async with asyncio.timeout(30):
                while name not in deployed.times:
                    await asyncio.sleep(0.001)
            delays.append(deployed.times[name] - created[name])
            await asyncio.sleep(0.1)
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    print(f"a new stack beside them: create to Deployment p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms")


async def mistaken(bench: Bench, home: str, count: int) -> None:
    """Create stacks with a mistake one by one, no two with the same, and print how soon it is told."""
    delays = []
    async with seen(bench.client, LLAMASTACKS, home, _told) as told:
        for number in range(count):
            name = f"mistaken-{number:04d}"
            body = stack(home, name, number)
            provider = {"provider_id": "mistaken", "provider_type": f"remote::vlm-{number}"}
            providers = {**body["spec"]["runConfig"]["providers"], "inference": [provider]}
            body["spec"]["runConfig"] = {**body["spec"]["runConfig"], "providers": providers}
            begin = time.monotonic()
            await bench.client.create(LLAMASTACKS, body)
            async with asyncio.timeout(30):
                while name not in told.times:
                    await asyncio.sleep(0.001)
            delays.append(told.times[name] - begin)
            await asyncio.sleep(0.05)
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    print(f"a mistake beside them: create to condition p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms")


def _told(body: Object) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "ProvidersResolved" and one["status"] == "False" for one in conditions)


async def at_rest(bench: Bench, seconds: int) -> None:
    """Count requests while nothing changes."""
    await bench.rest(3)
    bench.audit.mark()
    await asyncio.sleep(seconds)
    counts = bench.audit.requests(*AGENTS)
    print(f"at rest for {seconds} s: {summed(counts, WRITES)} writes, {summed(counts, READS)} reads")


async def restart(bench: Bench) -> None:
    """Kill the operator, start it again and print what that costs."""
    if bench.operator is not None:
        bench.operator.kill()
        bench.operator.wait()
    bench.audit.mark()
    bench.operator = None
    begin = time.monotonic()
    async with peak_memory(lambda: bench.pid) as peak:
        elapsed = await bench.start_operator(2) - begin
    counts = bench.audit.requests(*AGENTS)
    print(f"restart: at rest after {elapsed:.1f} s, {summed(counts, WRITES)} writes")
    print(f"  memory of all processes {memory_mb(bench.pid):.0f} MB, peak {peak.megabytes:.0f} MB")


async def run(kubeconfig: Path, audit_log: Path, sizes: list[int], seconds: int, clients: list[int]) -> None:
    """Run all measurements on a control plane."""
    configuration = Configuration()
    await kubernetes_config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    bench = Bench(configuration, kubeconfig, AuditLog(audit_log))
    try:
        await bench.start_operator()
        print(f"idle: {memory_mb(bench.pid):.0f} MB")
        label = str(int(time.time()))[-5:]
        home = ""
        async with peak_memory(lambda: bench.pid) as peak:
            for size in sizes:
                home = await create_many(bench, size, label, clients)
            await edit_many(bench, home, sizes[-1])
            await newcomers(bench, home, 50)
            await at_rest(bench, seconds)
        print(f"peak memory: {peak.megabytes:.0f} MB; CPU {cpu_seconds(bench.pid):.1f} s since the last start")
        await restart(bench)
        # Last, for what is mistaken is looked at again with backoff.
        await mistaken(bench, home, 200)
    finally:
        bench.stop_operator()
        await bench.client.close()
        await bench.admin.api_client.close()


def main() -> None:
    """Run on a control plane of the test bed, or on one that is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--rest", type=int, default=60, help="seconds to count requests at rest")
    many = "how many stacks the floor sends side by side; one run for each, of which the fastest counts"
    parser.add_argument("--floor-clients", type=int, nargs="+", default=FLOOR_CLIENTS, help=many)
    parser.add_argument("--kubeconfig", type=Path, help="a control plane with our CRDs; needs --audit-log")
    parser.add_argument("--audit-log", type=Path, help="its audit log at level Metadata")
    options = parser.parse_args()
    if options.kubeconfig:
        asyncio.run(run(options.kubeconfig, options.audit_log, options.stacks, options.rest, options.floor_clients))
        return
    with ControlPlane(audit=True) as control_plane:
        control_plane.kubectl("apply", "--server-side", "-f", "crds")
        control_plane.kubectl("wait", "--for=condition=Established", "crd/llamastacks.llamastack.dev", "--timeout=30s")
        asyncio.run(
            run(
                control_plane.kubeconfig,
                control_plane.audit_log,
                options.stacks,
                options.rest,
                options.floor_clients,
            )
        )


if __name__ == "__main__":
    main()
