"""Whatever an object holds, the informer of its kind goes on, and the good object beside it arrives.

The API server is a script of one list and one watch: a real one refuses most of these objects. One that was stored
under another schema, or that a webhook wrote, may be any of them.
"""

from __future__ import annotations

import asyncio
import copy
import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_operator.controller.handlers import Watched
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.cache import Cache, by_group
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.informer import Informer
from llamastack_operator.kube.referents import Referents
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.builds import build_from, build_index, build_pod_from, job_from
from llamastack_operator.objects.child import Key, child_from
from llamastack_operator.objects.config_map import WHOLE
from llamastack_operator.objects.pods import pod_from
from llamastack_operator.objects.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    JOBS,
    LLAMASTACKBUILDS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    SERVICES,
    Resource,
)
from llamastack_operator.planning.stack.stack import Stack
from tests.support.world import llamastack

Body = dict[str, Any]
METADATA: Body = {
    "namespace": "team-a",
    "name": "one",
    "uid": "uid-of-one",
    "resourceVersion": "5",
    "generation": 2,
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"llamastack.dev/stack": "bot", "llamastack.dev/build": "modules-a"},
    "annotations": {"llamastack.dev/attempt": "1", "llamastack.dev/rerun": "x", "llamastack.dev/owner": "y"},
    "ownerReferences": [
        {
            "apiVersion": "llamastack.dev/v1alpha1",
            "kind": "LlamaStack",
            "name": "bot",
            "uid": "uid-of-bot",
            "controller": True,
        }
    ],
    "managedFields": [{"manager": "llamastack-operator", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}}],
}
CONDITIONS = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}]
CONTAINER = {
    "name": "server",
    "restartCount": 1,
    "imageID": "a@sha256:1",
    "state": {"waiting": {"reason": "r", "message": "m"}},
    "lastState": {"terminated": {"reason": "r", "exitCode": 1, "finishedAt": "f", "message": "m"}},
}
POD: Body = {
    "metadata": METADATA,
    "spec": {"containers": [{"name": "server", "image": "a:1"}], "initContainers": [{"name": "install", "image": "b"}]},
    "status": {
        "phase": "Running",
        "reason": "r",
        "conditions": CONDITIONS,
        "containerStatuses": [CONTAINER],
        "initContainerStatuses": [{**CONTAINER, "name": "install"}],
    },
}
JOB_ENDS = [{"type": "Failed", "status": "True", "reason": "r", "message": "m"}]
DEPLOYMENT: Body = {
    "metadata": METADATA,
    "spec": {"replicas": 1, "template": {"metadata": {"annotations": {"llamastack.dev/revision": "1"}}}},
    "status": {"observedGeneration": 1, "replicas": 1, "conditions": CONDITIONS},
}
BUILD: Body = {
    "metadata": METADATA,
    "spec": {"key": "0" * 64},
    "status": {"phase": "Queued", "lock": [], "attempts": 1},
}
KINDS: dict[str, tuple[Resource, Callable[[], Callable[[Body], Any]], Body]] = {
    "deployments": (DEPLOYMENTS, lambda: functools.partial(child_from, DEPLOYMENTS), DEPLOYMENT),
    "services": (
        SERVICES,
        lambda: functools.partial(child_from, SERVICES),
        {"metadata": METADATA, "spec": {"clusterIP": "10.0.0.1"}},
    ),
    "claims": (
        PERSISTENTVOLUMECLAIMS,
        lambda: functools.partial(child_from, PERSISTENTVOLUMECLAIMS),
        {"metadata": METADATA},
    ),
    "pods": (PODS, lambda: pod_from, POD),
    "builds' pods": (PODS, lambda: build_pod_from, POD),
    "jobs": (
        JOBS,
        lambda: job_from,
        {"metadata": METADATA, "status": {"startTime": "t", "conditions": JOB_ENDS}},
    ),
    "builds": (LLAMASTACKBUILDS, lambda: build_from, BUILD),
    "referents": (CONFIGMAPS, lambda: referents().convert, {"metadata": METADATA}),
}
HOSTILE = st.sampled_from(
    [
        None,
        True,
        -1,
        0.5,
        10**400,
        "",
        "²",
        "9" * 5000,
        "\ud800",
        "a\ud800",
        "\x00",
        [],
        ["a"],
        [[]],
        [None],
        {},
        {"a": 1},
    ]
)


def referents() -> Referents:
    found = Referents(cast(Client, None))
    found.follow(("team-a", "bot"), {("team-a", "one"): {WHOLE}, ("team-a", "bystander"): {WHOLE}})
    return found


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*before, key)
        yield from paths(part, (*before, key))


def changed(body: Body, path: tuple[Any, ...], value: Any, missing: bool) -> Body:
    result: Any = copy.deepcopy(body)
    holder = functools.reduce(lambda part, key: part[key], path[:-1], result)
    if missing:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return cast(Body, result)


def named(body: Body, name: str, version: str) -> Body:
    return {**body, "metadata": {**body["metadata"], "name": name, "uid": f"uid-of-{name}", "resourceVersion": version}}


class Scripted:
    """Serves one list and one watch, and then nothing more."""

    def __init__(self, items: list[Body], events: list[Body]) -> None:
        self._items, self._events = items, events
        self.done = asyncio.Event()

    async def list_page(self, *_: Any) -> Body:
        return {"items": self._items, "metadata": {"resourceVersion": "9"}}

    async def watch(self, *_: Any) -> AsyncGenerator[Body]:
        while self._events:
            yield self._events.pop(0)
        self.done.set()
        await asyncio.Event().wait()


def followed(kind: str, items: list[Body], events: list[Body]) -> Cache[Any]:
    """Run the informer of a kind over a script; what it tells goes where the operator puts it."""
    resource, reader, _ = KINDS[kind]
    cache: Cache[Any] = Cache(build_index if kind == "builds" else by_group)
    queue: WorkQueue[Key] = WorkQueue()

    def told(item: Any, listed: bool) -> None:
        queue.add((item.key[0], item.group), listed)
        if kind == "builds":
            sorted((one.created, one.key) for one in map(cache.get, cache.keys()) if one is not None)

    async def main() -> None:
        script = Scripted(items, events)
        informer = Informer(cast(Client, script), resource, None, reader(), cache, told)
        task = asyncio.create_task(informer.run())
        waiting = asyncio.create_task(script.done.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        task.cancel()

    asyncio.run(main())
    return cache


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_hostile_object_of_any_kind_harms_no_other(kind: str, data: st.DataObject) -> None:
    good = KINDS[kind][2]
    hostile = [
        changed(good, data.draw(st.sampled_from(list(paths(good)))), data.draw(HOSTILE), data.draw(st.booleans()))
        for _ in range(3)
    ]
    events = [{"type": one, "object": body} for one in ("ADDED", "MODIFIED", "DELETED") for body in hostile]
    cache = followed(kind, [*hostile, named(good, "bystander", "7")], [*events, event_of(good)])
    kept = cache.get(("team-a", "bystander"))
    assert kept is not None
    assert kept.version == 20


def event_of(good: Body) -> Body:
    return {"type": "MODIFIED", "object": named(good, "bystander", "20")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_object_of_the_kind_is_read(kind: str) -> None:
    _, reader, good = KINDS[kind]
    assert reader()(good) is not None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_hostile_stack_harms_no_other(data: st.DataObject) -> None:
    good = llamastack(status={"conditions": [], "observedGeneration": 1})
    hostile = changed(good, data.draw(st.sampled_from(list(paths(good)))), data.draw(HOSTILE), data.draw(st.booleans()))
    stacks: Cache[Stack] = Cache()
    queue: WorkQueue[Key] = WorkQueue()
    watched = Watched(stacks, queue, Unreadable("llamastacks"))
    for kind in (None, "ADDED", "MODIFIED", "DELETED"):
        asyncio.run(watched.observe({"type": kind, "object": hostile}))
    asyncio.run(watched.observe({"type": "ADDED", "object": named(good, "bystander", "7")}))
    assert stacks.get(("team-a", "bystander")) is not None
