"""What is read of ConfigMaps for a pass, and what stays in memory after it: not their contents.

The API server behind is a fake that counts what is read, and makes each text anew, as a real one's answer is: that
changes of ConfigMaps reach their stacks is pinned with a real one in tests/e2e/test_references.py.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

from llamastack_operator.controller.stack.gather import Gatherer
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.child import Child, digest
from llamastack_operator.objects.pods import Pod
from llamastack_operator.objects.resources import Resource
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.stack import Stack, stack_from
from llamastack_operator.planning.stack.status import status_of
from tests.support.conditions import NOW
from tests.support.start_checks import reporting
from tests.support.world import deployment, judged, llamastack

MIB = 1 << 20


class Server:
    """Has every ConfigMap, each with the same keys.

    Args:
        texts: makes what is under a key.
    """

    def __init__(self, **texts: Callable[[], str]) -> None:
        self._texts = texts
        self.read: list[str] = []

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        self.read.append(name)
        data = {key: make() for key, make in self._texts.items()}
        return {"metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "5"}, "data": data}


class Scene:
    """One stack beside ConfigMaps."""

    def __init__(self, api: Server, **spec: Any) -> None:
        self.server = api
        self.body = llamastack(**spec)
        if "runConfigFrom" in spec:
            del self.body["spec"]["runConfig"]
        stacks: Cache[Stack] = Cache()
        self.stack = stack_from(self.body)
        stacks.put(self.stack)
        self.pods: Cache[Pod] = Cache()
        self.deployments: Cache[Child] = Cache()
        self.gatherer = Gatherer(stacks, {"Deployment": self.deployments}, self.pods, Referents(cast(Client, api)))

    def gather(self, variables: bool = False) -> StackFacts:
        async def work() -> StackFacts:
            facts = await self.gatherer.gather(self.stack.key)
            assert facts is not None
            return await self.gatherer.with_texts(facts) if variables else facts

        self.server.read.clear()
        return asyncio.run(work())


def env(*names: str, key: str = "k") -> list[dict[str, Any]]:
    return [
        {"name": f"A{number}", "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}
        for number, name in enumerate(names)
    ]


def test_a_pod_of_another_namespace_tells_nothing_of_a_stacks_image() -> None:
    """Whoever may make pods in a namespace of his own can label them as he likes, and run the same image in them."""
    image = f"registry.example/mine@sha256:{'1' * 64}"
    scene = Scene(Server(), distribution={"image": image})
    scene.deployments.put(deployment())
    scene.pods.put(reporting(image, "0.2.23", metadata={"namespace": "team-b"}))
    scene.pods.put(reporting(image, "0.2.23", metadata={"labels": {"llamastack.dev/stack": "other"}}))
    assert "imageReport" not in status_of(judged(scene.gather()), PassOutcome(), NOW)
    scene.pods.put(reporting(image, "0.7.3", name="bot-own"))
    assert status_of(judged(scene.gather()), PassOutcome(), NOW)["imageReport"]["release"] == "0.7.3"


def test_what_pods_alone_use_is_looked_at_once() -> None:
    volumes = [{"name": "v", "configMap": {"name": "c"}}]
    scene = Scene(Server(k=lambda: "1"), server={"podTemplate": {"volumes": volumes}})
    first = scene.gather()
    assert scene.server.read == ["c", "c"], "for its digest, and for that of the pods' annotation"
    assert scene.gather(variables=True).referred == first.referred
    assert scene.server.read == []


def test_the_digest_in_pods_annotations_is_the_one_that_it_was_before_contents_were_dropped() -> None:
    """Another one would replace the pods of every stack that refers to a ConfigMap when the operator is upgraded."""
    server = {"env": env("c"), "envFrom": [{"configMapRef": {"name": "d"}}]}
    scene = Scene(Server(k=lambda: "1"), server=server)
    path = "spec.server.env[0].valueFrom.configMapKeyRef"
    before = digest([[path, "1", None], ["spec.server.envFrom[0].configMapRef", {"k": "1"}, {}]])
    assert before == "963baf0c1a1531d9"
    assert [scene.gather().referred.digest for _ in range(2)] == [before, before]
    assert scene.server.read == []


def test_the_digest_of_much_is_made_of_digests_so_that_a_change_reads_one_config_map() -> None:
    scene = Scene(Server(k=lambda: "1" * MIB), server={"env": env("c", "d")})
    scene.gather()
    assert scene.server.read == ["c", "d"]


def test_the_values_of_variables_are_read_for_a_reading_alone() -> None:
    scene = Scene(Server(k=lambda: "1"), server={"env": env("c", "d")})
    scene.gather()
    assert scene.gather().referred.texts == {}
    assert scene.server.read == []
    assert scene.gather(variables=True).referred.texts == {"c": {"k": "1"}, "d": {"k": "1"}}
    assert scene.server.read == ["c", "d"]


def test_a_run_config_is_read_for_each_pass() -> None:
    scene = Scene(Server(k=lambda: "providers: {}"), runConfigFrom={"configMapKeyRef": {"name": "c", "key": "k"}})
    scene.gather()
    for _ in range(2):
        facts = scene.gather()
        assert (facts.run_config, scene.server.read) == ("providers: {}", ["c"])
        assert facts.referred.texts == {"c": {"k": "providers: {}"}}


def test_the_facts_are_the_same_whether_variables_were_read_or_not() -> None:
    scene = Scene(Server(k=lambda: "1"), server={"env": env("c"), "envFrom": [{"configMapRef": {"name": "d"}}]})
    with_them, without = scene.gather(variables=True).referred, scene.gather().referred
    assert (with_them.digest, with_them.findings) == (without.digest, without.findings)


def test_texts_that_a_waiting_stack_gave_up_are_read_again() -> None:
    scene = Scene(Server(k=lambda: "providers: {}"), runConfigFrom={"configMapKeyRef": {"name": "c", "key": "k"}})
    facts = scene.gather()
    waiting = facts.without_texts()
    assert (waiting.run_config, waiting.referred.texts, waiting.referred.digest) == (None, {}, facts.referred.digest)
    assert asyncio.run(scene.gatherer.with_texts(waiting)).referred.texts == facts.referred.texts


def test_more_texts_than_one_stack_may_take_are_not_read_on_and_told() -> None:
    scene = Scene(Server(k=lambda: "x" * MIB), server={"env": env(*(f"c{number}" for number in range(100)))})
    for variables in True, False:
        found = scene.gather(variables).referred
        assert [finding.reason for finding in found.findings] == ["ReadingExceeded"]
        assert found.texts == {}
    assert scene.server.read == [], "the digests tell"


def test_of_hundreds_of_large_config_maps_nothing_stays_in_memory() -> None:
    """With one character outside of Python's smaller texts each takes four bytes a character."""
    names = [f"c{number}" for number in range(128)]
    scene = Scene(Server(k=lambda: "a" * (MIB - 8) + "\U0001f600"), server={"env": env(*names)})
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        facts = scene.gather(variables=True)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert facts.referred.digest
    assert after - before < MIB
    assert peak - before < 32 * MIB
