"""A reconciler of builds before a server that has one build.

The server is a fake that keeps what it is given and notes requests: which of them are refused, and when an informer
tells, is chosen here. A real one is in tests/e2e/test_builds.py, and real pods in tests/e2e/test_build_failures.py.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from typing import Any, cast

from llamastack_operator.controller.build.reconcile import BuildReconciler
from llamastack_operator.controller.build.turns import Turns
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.build_config_map import BuildConfigMap, build_config_map
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord, build_from, build_index, job_from
from llamastack_operator.objects.resources import Resource
from llamastack_operator.planning.build.choose import Places
from tests.support.build_attempts import SETTINGS, build, spec_wire

KEY = ("team-a", "modules-a")
Body = dict[str, Any]


class Server:
    """Objects of one namespace by kind and name.

    Attributes:
        objects: what there is.
        requests: verb, kind and name of what was asked, in order.
        log_text: the log of every container.
        events: what the controllers of the cluster told.
        refused: for kinds, why none of them can be created.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.log_text = ""
        self.log_error: Exception | None = None
        self.events: list[Body] = []
        self.refused: dict[str, Exception] = {}
        self._version = itertools.count(10**9)  # above those of `attempts`

    async def create(self, resource: Resource, body: Body) -> Body:
        name = (resource.kind, body["metadata"]["name"])
        self.requests.append(("create", *name))
        if resource.kind in self.refused:
            raise self.refused[resource.kind]
        if name in self.objects:
            raise ApiError(409, {"reason": "AlreadyExists"})
        identity = {"uid": f"uid-{name[1]}", "resourceVersion": str(next(self._version))}
        self.objects[name] = {**body, "metadata": {**body["metadata"], **identity}}
        return self.objects[name]

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        self.requests.append(("get", resource.kind, name))
        return self.objects.get((resource.kind, name))

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        self.requests.append(("delete", resource.kind, name))
        found = self.objects.get((resource.kind, name))
        if found is not None and found["metadata"]["uid"] == uid:
            del self.objects[resource.kind, name]

    async def list_page(self, resource: Resource, namespace: str, query: Body) -> Body:
        self.requests.append(("list", resource.kind, query["fieldSelector"]))
        return {"items": self.events}

    async def apply(self, resource: Resource, body: Body, subresource: str, metadata_only: bool) -> Body:
        self.requests.append(("apply", f"{resource.kind}/{subresource}", body["metadata"]["name"]))
        known = self.objects.get((resource.kind, body["metadata"]["name"]))
        if known is None or known["metadata"]["uid"] != body["metadata"]["uid"]:
            raise ApiError(409 if known else 404, {})
        known["status"] = copy.deepcopy(body["status"])
        known["metadata"]["resourceVersion"] = str(next(self._version))
        return {"metadata": known["metadata"]}

    async def log(self, namespace: str, pod: str, container: str, limit: int, tail: int | None = None) -> str:
        self.requests.append(("log", container, pod))
        if self.log_error is not None:
            raise self.log_error
        return self.log_text

    def status(self, name: str = "modules-a") -> Body:
        found: Body = self.objects["LlamaStackBuild", name]["status"]
        return found


class Scene:
    """A reconciler before a server that has one build."""

    def __init__(self, held: BuildRecord, lock: list[Body] | None = None) -> None:
        self.server = Server()
        self.builds: Cache[BuildRecord] = Cache(build_index)
        self.jobs: Cache[BuildJob] = Cache()
        self.pods: Cache[BuildPod] = Cache()
        self.config_maps: Cache[BuildConfigMap] = Cache()
        self.called: list[str] = []
        images = SETTINGS.images
        places = Places(images.parallel, images.parallel_in_namespace)
        self.turns = Turns(self.builds, places, lambda key: self.called.append(key[1]))
        self.told: list[str] = []
        self.know(held, lock)
        client = cast(Client, self.server)
        self.reconciler = BuildReconciler(
            client, self.builds, self.jobs, self.pods, self.config_maps, self.turns, SETTINGS, self._changed
        )

    def _changed(self, build: BuildRecord) -> None:
        self.told.append(build.phase)
        self.turns.changed(build.key)

    def tell(self) -> None:
        """Make known what Jobs and ConfigMaps there are, as informers do."""
        for kind, cache, kept in (("Job", self.jobs, job_from), ("ConfigMap", self.config_maps, build_config_map)):
            held = [kept(body) for (one, _), body in self.server.objects.items() if one == kind]
            there = [one for one in held if one is not None]
            for key in cache.keys() - {one.key for one in there}:
                cache.remove(key)
            for one in there:
                cast(Any, cache).put(one)

    def count(self, kind: str) -> int:
        """Return how many objects of a kind there are."""
        return sum(1 for one, _ in self.server.objects if one == kind)

    def know(self, held: BuildRecord, lock: list[Body] | None = None) -> None:
        """Put a build into the server and into the cache."""
        status = held.status.to_wire()
        if lock is not None:
            status["lock"] = [json.dumps(one) for one in lock]
        owners = {"ownerReferences": list(held.owners)}
        metadata = {"namespace": held.key[0], "name": held.key[1], "uid": held.uid, **owners}
        annotations = {"annotations": {"llamastack.dev/rerun": held.rerun}} if held.rerun else {}
        body = {"metadata": {**metadata, "resourceVersion": str(held.version), **annotations}, "spec": spec_wire(held)}
        self.server.objects["LlamaStackBuild", held.key[1]] = {**body, "status": status}
        self.builds.put(build_from({**body, "status": status}))
        self.turns.changed(held.key)

    def passes(self, times: int = 1) -> float | None:
        again = None
        for _ in range(times):
            again = asyncio.run(self.reconciler.reconcile(KEY)).again
        return again

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        return [request for request in self.server.requests if request[0] in ("create", "apply", "delete")]


def named(name: str, namespace: str = "team-a", **status: Any) -> BuildRecord:
    body = build(**status)
    return build_from(
        {
            "metadata": {"namespace": namespace, "name": name, "uid": name, "resourceVersion": str(body.version)},
            "spec": spec_wire(body),
            "status": status,
        }
    )
