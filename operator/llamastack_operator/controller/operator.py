"""Wires the operator together and runs it: kopf, informers, workers. Any of them that ends, ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import aiohttp
import kopf
from prometheus_client import CollectorRegistry

from llamastack_operator.api.labels import BUILD_LABEL, MANAGED_BY, MANAGED_BY_LABEL, PROGRAM_LABEL
from llamastack_operator.controller.build.wiring import Building
from llamastack_operator.controller.handlers import configure, register
from llamastack_operator.controller.metrics.collector import OperatorCollector, Sources, Watcher
from llamastack_operator.controller.metrics.endpoint import metrics_answer, ready_answer, serving
from llamastack_operator.controller.metrics.passes import LoopLag, PassMetrics
from llamastack_operator.controller.metrics.readiness import Synced, why_unready
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.controller.reading.readings import Readings
from llamastack_operator.controller.stack.gather import Gatherer
from llamastack_operator.controller.stack.gather_image import ImageGatherer
from llamastack_operator.controller.stack.looks import Looks
from llamastack_operator.controller.stack.preflights import Preflights
from llamastack_operator.controller.stack.provider_health import ProviderHealth
from llamastack_operator.controller.stack.reconcile import Reconciler
from llamastack_operator.controller.stack.versions import Versions
from llamastack_operator.controller.worker import Worker
from llamastack_operator.kube.apply import Applier
from llamastack_operator.kube.backoff import MAX_ASKED
from llamastack_operator.kube.build_keeper import BuildKeeper
from llamastack_operator.kube.cache import Cache, by_namespace_too
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.events import EventRecorder
from llamastack_operator.kube.informer import Informer
from llamastack_operator.kube.program_keeper import ProgramKeeper
from llamastack_operator.kube.referents import Referent, Referents
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.builds import BuildRecord, build_index
from llamastack_operator.objects.child import Child, Key, child_from, wants_body
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.pods import Pod, pod_from
from llamastack_operator.objects.preflights import PreflightJob, PreflightPod
from llamastack_operator.objects.program_record import ProgramRecord, program_record
from llamastack_operator.objects.resources import CHILDREN, CONFIGMAPS, LLAMASTACKBUILDS, LLAMASTACKS, PODS
from llamastack_operator.packed.start_program import start_program
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.workloads.settings import WorkloadSettings

OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
SERVING = f"{OURS},!{BUILD_LABEL}"
PROGRAMS = f"{OURS},{PROGRAM_LABEL}"
_CRD_PATIENCE = 5.0
"""Seconds between two looks for the CustomResourceDefinition."""

logger = logging.getLogger(__name__)


class AnyInformer(Watcher, Synced, Protocol):
    """An informer, whatever it keeps."""

    plural: str
    synced: asyncio.Event

    async def run(self) -> None:
        """List and watch for ever."""
        ...


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """How one operator process runs.

    Attributes:
        namespaces: the namespaces to look after; empty for all.
        workers: how many passes run side by side.
        health_port: the TCP port of /healthz; 0 for none.
        instance: the name of this process in events.
        ready_port: the TCP port of /readyz; 0 for none.
        metrics: address and port of /metrics; None for none.
        workloads: defaults for all stacks.
        provider_health: whether servers are asked how their providers are.
    """

    namespaces: tuple[str, ...] = ()
    workers: int = 8
    health_port: int = 0
    instance: str = "llamastack-operator"
    ready_port: int = 0
    metrics: tuple[str, int] | None = None
    workloads: WorkloadSettings = field(default_factory=WorkloadSettings)
    provider_health: bool = True


class Operator:
    """One operator process.

    Args:
        client: the API server.
        settings: how it runs.
    """

    def __init__(self, client: Client, settings: OperatorSettings) -> None:
        self._client = client
        self._settings = settings
        self._stacks: Cache[Stack] = Cache(by_namespace_too)
        self._children: dict[str, Cache[Child]] = {resource.kind: Cache(by_namespace_too) for resource in CHILDREN}
        self._pods: Cache[Pod] = Cache()
        self._referents = Referents(client)
        self._builds: Cache[BuildRecord] = Cache(build_index)
        self._queue: WorkQueue[Key] = WorkQueue()
        self._unreadable = Unreadable(LLAMASTACKS.plural)
        self._registry = CollectorRegistry()
        self._passes = PassMetrics(self._registry)
        self._lag = LoopLag(self._registry)
        self._building = Building(client, settings.workloads, self._builds, self._build_changed, self._passes.passed)
        self._programs: Cache[ProgramRecord] = Cache()
        keeper = ProgramKeeper(client, self._programs, start_program())
        self._preflights = Preflights(client, self._member_changed)
        preflights = self._preflights.keeper
        gatherer = Gatherer(self._stacks, self._children, self._pods, self._referents, keeper.names, preflights.facts)
        workloads = replace(settings.workloads, program=keeper.program)
        self._readings = Readings(self._queue.add, with_texts=gatherer.with_texts)
        self._versions = Versions(self._queue.add)
        self._looks = Looks(self._queue.add) if settings.provider_health else None
        self._informers = list(self._make_informers())
        applier = Applier(client, self._children)
        self._reconciler = Reconciler(
            client,
            self._stacks,
            gatherer,
            self._readings,
            self._versions,
            ProviderHealth(self._looks),
            ImageGatherer(self._builds, self._referents),
            self._builds,
            BuildKeeper(client, self._builds, self._building.notice),
            applier,
            EventRecorder(client, settings.instance),
            workloads,
            keeper,
            preflights,
        )
        self._queues = {"stack": self._queue, "build": self._building.queue}
        sources = Sources(client, self._stacks, self._builds, self._queues, self._informers, self._unreadable, applier)
        self._registry.register(OperatorCollector(sources))

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Run until `stop` is set or the process is told to end (SIGTERM, SIGINT: kopf listens for them).

        Raises:
            ExceptionGroup: a part of the operator died.
        """
        async with self._told():
            await self._served()
            await self._work(stop)

    async def _work(self, stop: asyncio.Event | None) -> None:
        """Run all parts until the process is told to end."""
        async with asyncio.TaskGroup() as tasks:
            lag = tasks.create_task(self._endless(self._lag.run()))
            watching = [tasks.create_task(self._endless(informer.run())) for informer in self._informers]
            for informer in self._informers:
                await informer.synced.wait()
            logger.info("caches are in step; starting %d workers", self._settings.workers)
            worker = Worker(self._queue, self._reconciler.reconcile, "stack", self._passes.passed)
            working = [tasks.create_task(self._endless(worker.run())) for _ in range(self._settings.workers)]
            working += [tasks.create_task(self._endless(work)) for work in self._building.workers()]
            working += [tasks.create_task(self._endless(work)) for work in self._readings.workers()]
            working += [tasks.create_task(self._endless(work)) for work in self._versions.workers()]
            if self._looks is not None:
                working += [tasks.create_task(self._endless(work)) for work in self._looks.workers()]
            await self._watch_stacks(stop)
            for task in (lag, *watching, *working):
                task.cancel()

    async def _watch_stacks(self, stop: asyncio.Event | None) -> None:
        """Run kopf, which watches LlamaStacks and listens for what ends the process."""
        registry = kopf.OperatorRegistry()
        register(registry, self._client, self._stacks, self._queue, self._unreadable)
        settings = kopf.OperatorSettings()
        configure(settings)
        port = self._settings.health_port
        # Given, because kopf would ask for the name of the user, and a container's user has none.
        identity: Any = self._settings.instance
        await kopf.operator(
            registry=registry,
            settings=settings,
            identity=identity,
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            liveness_endpoint=f"http://0.0.0.0:{port}/healthz" if port else None,
            stop_flag=stop,
        )

    @contextlib.asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Serve what the operator says of itself, as far as it is asked to."""
        async with contextlib.AsyncExitStack() as stack:
            if self._settings.ready_port:
                unready = functools.partial(why_unready, self._informers, self._queues, self._lag)
                ready = serving("0.0.0.0", self._settings.ready_port, "/readyz", ready_answer(unready))  # noqa: S104
                await stack.enter_async_context(ready)
            if self._settings.metrics is not None:
                host, port = self._settings.metrics
                metrics = serving(host, port, "/metrics", metrics_answer(self._registry))
                await stack.enter_async_context(metrics)
            yield

    async def _served(self) -> None:
        """Wait until the API server shows us our kinds: kopf would watch nothing, and say nothing, for ever."""
        namespace = next(iter(self._settings.namespaces), None)
        while True:
            wait = _CRD_PATIENCE
            try:
                for resource in (LLAMASTACKS, LLAMASTACKBUILDS):
                    await self._client.list_page(resource, namespace, {"limit": "1"}, metadata_only=True)
                return
            except ApiError as error:
                if error.code == 404:
                    logger.warning("this cluster does not know our kinds: apply the CustomResourceDefinitions of crds/")
                else:
                    logger.warning("cannot list %s: %s", resource.plural, error)
                    wait = max(wait, min(error.retry_after or 0.0, MAX_ASKED))
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                logger.warning("cannot list %s: %s", resource.plural, error or type(error).__name__)
            await asyncio.sleep(wait)

    async def _endless(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        raise RuntimeError("a task that runs for ever ended")

    def _make_informers(self) -> Iterator[AnyInformer]:
        for namespace in self._settings.namespaces or (None,):
            for resource in CHILDREN:
                convert = functools.partial(child_from, resource)
                cache = self._children[resource.kind]
                yield Informer(
                    self._client,
                    resource,
                    namespace,
                    convert,
                    cache,
                    self._member_changed,
                    OURS,
                    metadata_only=not wants_body(resource),
                )
            yield Informer(self._client, PODS, namespace, pod_from, self._pods, self._member_changed, SERVING)
            yield Informer(
                self._client,
                CONFIGMAPS,
                namespace,
                program_record,
                self._programs,
                self._program_changed,
                PROGRAMS,
                metadata_only=True,
            )
            yield from self._building.informers(namespace)
            # Those with our label too: a copy that a user made of one of ours has it.
            yield from self._preflights.informers(namespace)
            yield Informer(
                self._client,
                CONFIGMAPS,
                namespace,
                self._referents.convert,
                self._referents.watched,
                self._referent_changed,
                metadata_only=True,
            )

    def _member_changed(self, member: Child | Pod | PreflightJob | PreflightPod, listed: bool) -> None:
        key = (member.key[0], member.group)
        # One that goes after its stack may have been the last that needed the namespace's program.
        is_last_look = not listed and isinstance(member, Child) and isinstance(member.facts, DeploymentFacts)
        if self._stacks.get(key) is not None or is_last_look:
            self._queue.add(key, listed)

    def _build_changed(self, build: BuildRecord, listed: bool) -> None:
        for owner in build.owners:
            key = (build.key[0], str(owner.get("name")))
            if self._stacks.get(key) is not None:
                self._queue.add(key, listed)

    def _program_changed(self, program: ProgramRecord, listed: bool) -> None:
        """Look at the namespace's stacks, of which one may need what is gone, or where nobody may need it any more."""
        namespace = program.key[0]
        for stack in self._stacks.of((namespace, "")):
            self._queue.add(stack.key, listed)
        if not self._stacks.has((namespace, "")):
            self._queue.add((namespace, ""), listed)

    def _referent_changed(self, referent: Referent, listed: bool) -> None:
        for key in self._referents.users(referent.key):
            self._queue.add(key, listed)
