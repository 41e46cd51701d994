"""The operator's half that builds images: informers of builds, Jobs and their pods, a queue and its workers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from llamastack_operator.api.labels import BUILD_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from llamastack_operator.controller.build.reconcile import BuildReconciler
from llamastack_operator.controller.build.turns import Turns
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.controller.worker import Worker
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.informer import Informer
from llamastack_operator.objects.build_config_map import BuildConfigMap, build_config_map
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord, build_from, build_pod_from, job_from
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.resources import CONFIGMAPS, JOBS, LLAMASTACKBUILDS, PODS
from llamastack_operator.planning.build.choose import Places
from llamastack_operator.workloads.settings import WorkloadSettings

SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY},{BUILD_LABEL}"
WORKERS = 4


class Building:
    """Builds images.

    Args:
        client: the API server.
        settings: the operator's settings.
        builds: the known builds.
        changed: called with a build that changed, and whether it came with a list.
        passed: told of each pass (see `Worker`).
    """

    def __init__(
        self,
        client: Client,
        settings: WorkloadSettings,
        builds: Cache[BuildRecord],
        changed: Callable[[BuildRecord, bool], None],
        passed: Callable[[str, float, bool], None] = lambda *_: None,
    ) -> None:
        self._passed = passed
        self._client = client
        self._builds = builds
        self._jobs: Cache[BuildJob] = Cache()
        self._pods: Cache[BuildPod] = Cache()
        self._config_maps: Cache[BuildConfigMap] = Cache()
        self._changed = changed
        self.queue: WorkQueue[Key] = WorkQueue()
        places = Places(settings.images.parallel, settings.images.parallel_in_namespace)
        self._turns = Turns(builds, places, self.queue.add)
        self._reconciler = BuildReconciler(
            client, builds, self._jobs, self._pods, self._config_maps, self._turns, settings, self.notice
        )

    def informers(
        self, namespace: str | None
    ) -> Iterator[Informer[BuildRecord] | Informer[BuildJob] | Informer[BuildPod] | Informer[BuildConfigMap]]:
        """Yield the informers of a namespace, or of all."""
        yield Informer(self._client, LLAMASTACKBUILDS, namespace, build_from, self._builds, self._build_changed)
        yield Informer(self._client, JOBS, namespace, job_from, self._jobs, self._member_changed, SELECTOR)
        yield Informer(self._client, PODS, namespace, build_pod_from, self._pods, self._member_changed, SELECTOR)
        yield Informer(
            self._client,
            CONFIGMAPS,
            namespace,
            build_config_map,
            self._config_maps,
            self._config_map_changed,
            SELECTOR,
            metadata_only=True,
        )

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that run passes."""
        for _ in range(WORKERS):
            yield Worker(self.queue, self._reconciler.reconcile, "build", self._passed).run()

    def notice(self, build: BuildRecord) -> None:
        """Take up a build that this process wrote, or deleted."""
        self._build_changed(build, False)

    def _build_changed(self, build: BuildRecord, listed: bool) -> None:
        self.queue.add(build.key, listed)
        self._turns.changed(build.key)
        self._changed(build, listed)

    def _member_changed(self, member: BuildJob | BuildPod, listed: bool) -> None:
        self.queue.add((member.key[0], member.group), listed)

    def _config_map_changed(self, config_map: BuildConfigMap, listed: bool) -> None:
        """Look at a build whose ConfigMap went; that one was made is no news."""
        if self._config_maps.get(config_map.key) is None:
            self.queue.add((config_map.key[0], config_map.group), listed)
