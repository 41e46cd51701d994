"""Objects of builds whose name is taken already. The server is a fake: what it holds, and when it loses it, is chosen
here; a real one is in tests/e2e/test_builds.py."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, cast

import pytest

from llamastack_operator.kube.build_objects import InTheWayError, create
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.resources import CONFIGMAPS, JOBS, Resource
from llamastack_operator.workloads.build_job import inputs_config_map, job
from tests.support.build_attempts import SETTINGS, TOLD, build

FORGED_OWNER = [{"apiVersion": "v1", "kind": "Whatever", "name": "n", "uid": "build", "controller": True}]


class Server:
    def __init__(self, found: Mapping[str, Any] | None) -> None:
        self.found = found

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Any:
        raise ApiError(409, {"reason": "AlreadyExists"})

    async def get(self, resource: Resource, namespace: str, name: str) -> Any:
        return self.found


def created(resource: Resource, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> Any:
    return asyncio.run(create(cast(Client, Server(found)), resource, wanted))


def stored(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    made = copy.deepcopy(body)
    return {**made, "metadata": {**made["metadata"], "uid": "x", "resourceVersion": "4", **metadata}}


INPUTS = inputs_config_map(build(), 1, "{}")
JOB = job(build(), 1, SETTINGS, TOLD)


class TestInputs:
    def test_that_were_made_before_the_operator_was_killed_are_used(self) -> None:
        assert created(CONFIGMAPS, INPUTS, stored(INPUTS))["metadata"]["uid"] == "x"

    def test_that_hold_the_same_are_the_same_whoever_made_them(self) -> None:
        assert created(CONFIGMAPS, INPUTS, stored(INPUTS, labels={}, ownerReferences=[]))

    @pytest.mark.parametrize(
        "change",
        [
            {"data": {"build.json": '{"forged": true}'}},
            {"data": {}},
            {"data": {"build.json": "{}", "more": ""}},
            {"binaryData": {"build.json": "e30="}},
        ],
    )
    def test_with_a_forged_owner_that_hold_something_else_are_not_used(self, change: dict[str, Any]) -> None:
        found = {**stored(INPUTS, labels={}, ownerReferences=FORGED_OWNER), **change}
        with pytest.raises(InTheWayError, match="ConfigMap 'modules-a-1' is in the way"):
            created(CONFIGMAPS, INPUTS, found)

    def test_that_are_gone_by_now_are_made_by_a_later_pass(self) -> None:
        with pytest.raises(ApiError):
            created(CONFIGMAPS, INPUTS, None)


class TestJob:
    def test_that_was_made_before_the_operator_was_killed_is_used(self) -> None:
        assert created(JOBS, JOB, stored(JOB))["metadata"]["uid"] == "x"

    @pytest.mark.parametrize(
        "metadata",
        [
            {"labels": {}},
            {"annotations": {}},
            {"annotations": {"llamastack.dev/attempt": "2"}},
            {"ownerReferences": []},
        ],
    )
    def test_that_would_not_be_found_again_is_in_the_way(self, metadata: dict[str, Any]) -> None:
        with pytest.raises(InTheWayError):
            created(JOBS, JOB, stored(JOB, **metadata))

    @pytest.mark.parametrize("change", [{"image": "evil.example/push:1"}, {"command": ["sh"]}, {"env": []}])
    def test_that_runs_something_else_is_in_the_way(self, change: dict[str, Any]) -> None:
        found = stored(JOB)
        found["spec"]["template"]["spec"]["containers"][0] |= change
        with pytest.raises(InTheWayError):
            created(JOBS, JOB, found)
