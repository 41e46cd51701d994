"""The floor of the reconcile benchmark: it sends what the operator sends, or says that it does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, cast

import pytest

from benchmarks.floor import OtherWorkError, check_objects, check_requests, moved, render
from benchmarks.workload import RELEASES, stack
from llamastack_operator.api.labels import APPLIED_ANNOTATION
from llamastack_operator.kube.client import Client
from llamastack_operator.objects.child import Desired
from llamastack_operator.objects.resources import Resource

NO_CLIENT = cast(Client, None)
WRITES = ("create", "patch")


def known(number: int = 0, **spec: Any) -> dict[str, Any]:
    """Return a stack of the benchmark as the API server has it."""
    body = stack("bench", f"stack-{number}", number)
    identity = {"uid": f"uid-{number}", "resourceVersion": "1", "generation": 1}
    return {**body, "metadata": {**body["metadata"], **identity}, "spec": {**body["spec"], **spec}}


def rendered(body: dict[str, Any]) -> tuple[Desired, ...]:
    return asyncio.run(render(NO_CLIENT, body))


class Cluster:
    """A server of stacks and their objects: a fake, since what an operator makes wrongly cannot be had from one."""

    def __init__(self, body: dict[str, Any], made: list[dict[str, Any]]) -> None:
        self.objects = {"LlamaStack": [body]}
        for one in made:
            self.objects.setdefault(one["kind"], []).append(one)

    async def list_page(self, resource: Resource, namespace: str, query: Any, metadata_only: bool) -> dict[str, Any]:
        return {"metadata": {}, "items": self.objects.get(resource.kind, [])}

    def check(self) -> None:
        asyncio.run(check_objects(cast(Client, self), "bench", ["stack-0"]))


class TestRendering:
    @pytest.mark.parametrize("number", range(len(RELEASES)))
    def test_gives_every_object_of_a_stack_without_asking_the_api_server(self, number: int) -> None:
        children = rendered(known(number))
        assert sorted(one.resource.kind for one in children) == ["ConfigMap", "Deployment", "Service", "ServiceAccount"]
        assert {one.owner_uid for one in children} == {f"uid-{number}"}

    def test_refuses_a_stack_for_which_nothing_is_planned(self) -> None:
        with pytest.raises(OtherWorkError, match="nothing is planned"):
            rendered(known(server={"port": 1}))


class TestCheck:
    def test_of_requests_takes_the_same_writes_whatever_was_read(self) -> None:
        check_requests(Counter({("patch", "x"): 2, ("get", "x"): 9}), Counter({("patch", "x"): 2}), WRITES)

    @pytest.mark.parametrize("other", [Counter({("patch", "x"): 3}), Counter({("patch", "y"): 2}), Counter()])
    def test_of_requests_refuses_other_writes(self, other: Counter[tuple[str, str]]) -> None:
        with pytest.raises(OtherWorkError):
            check_requests(Counter({("patch", "x"): 2}), other, WRITES)

    def test_of_objects_takes_those_that_the_operator_plans(self) -> None:
        Cluster(known(), [dict(one.body) for one in rendered(known())]).check()

    def test_of_objects_refuses_one_that_is_missing(self) -> None:
        with pytest.raises(OtherWorkError):
            Cluster(known(), [dict(one.body) for one in rendered(known())][1:]).check()

    def test_of_objects_refuses_one_of_other_bytes(self) -> None:
        made = [dict(one.body) for one in rendered(known())]
        annotations = {**made[0]["metadata"]["annotations"], APPLIED_ANNOTATION: "another"}
        made[0] = {**made[0], "metadata": {**made[0]["metadata"], "annotations": annotations}}
        with pytest.raises(OtherWorkError):
            Cluster(known(), made).check()


def test_a_status_in_another_namespace_differs_in_the_address_alone() -> None:
    status = {"url": "http://a.bench-1.svc:8321", "replicas": 1}
    assert moved(status, "bench-1", "floor-1") == {"url": "http://a.floor-1.svc:8321", "replicas": 1}
