"""The program that checks and runs servers, on a real API server: one ConfigMap a namespace, while it is needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

COLLECTED_WITHIN = 120.0
"""Seconds for the garbage collector of a cluster that has yet to learn of our kinds."""
LABEL = "llamastack.dev/start-program"


def programs(stacks: Stacks) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.kubectl.json("get", "configmaps", "-l", LABEL)["items"]
    return found


def template(stacks: Stacks, name: str) -> dict[str, Any]:
    body: dict[str, Any] = eventually(lambda: stacks.get("deployment", name))
    found: dict[str, Any] = body["spec"]["template"]
    return found


def mounted(stacks: Stacks, name: str) -> str:
    volumes = {volume["name"]: volume for volume in template(stacks, name)["spec"]["volumes"]}
    return str(volumes["llamastack-start"]["configMap"]["name"])


def test_is_one_for_all_stacks_of_a_namespace_and_goes_with_the_last(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("first"))
    stacks.kubectl.apply(minimal("second"))
    assert mounted(stacks, "first") == mounted(stacks, "second")
    (program,) = programs(stacks)
    assert program["metadata"]["name"] == mounted(stacks, "first")
    assert program["immutable"] is True

    stacks.kubectl("delete", "llamastack", "first")
    eventually(lambda: stacks.get("deployment", "first") is None, COLLECTED_WITHIN)
    assert programs(stacks)
    stacks.kubectl("delete", "llamastack", "second")
    eventually(lambda: not programs(stacks), COLLECTED_WITHIN)


def test_is_made_again_where_somebody_deletes_it(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("needs"))
    name = mounted(stacks, "needs")
    before = eventually(lambda: programs(stacks))
    stacks.kubectl("delete", "configmap", name)
    again = eventually(lambda: programs(stacks))
    assert (again[0]["binaryData"], again[0]["metadata"]["name"]) == (before[0]["binaryData"], name)


def test_is_made_again_for_a_stack_that_settled_before_the_operator_started(
    stacks: Stacks, operator: OperatorProcess
) -> None:
    stacks.kubectl.apply(minimal("settled"))
    name = mounted(stacks, "settled")
    operator.stop()
    stacks.kubectl("delete", "configmap", name)
    operator.start()
    eventually(lambda: programs(stacks))


def test_of_which_nobody_is_left_to_need_it_goes_at_the_next_start(stacks: Stacks, operator: OperatorProcess) -> None:
    stacks.kubectl.apply(minimal("last"))
    eventually(lambda: programs(stacks))
    operator.stop()
    stacks.kubectl("delete", "llamastack", "last")
    eventually(lambda: stacks.get("deployment", "last") is None, COLLECTED_WITHIN)
    operator.start()
    eventually(lambda: not programs(stacks))


def test_under_whose_name_something_else_stands_stops_the_stack_and_is_not_overwritten(stacks: Stacks) -> None:
    stacks.kubectl.apply(minimal("tells"))
    name = mounted(stacks, "tells")
    elsewhere = f"{stacks.kubectl.namespace}-forged"
    stacks.kubectl("create", "namespace", elsewhere)
    other = Stacks(stacks.kubectl.within(elsewhere))
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"start.pyz": "forged"}}
    other.kubectl.apply(forged)
    other.kubectl.apply(minimal("victim"))
    other.condition("victim", "Ready", "False", "NameConflict")
    assert other.get("deployment", "victim") is None
    assert other.get("configmap", name)["data"] == {"start.pyz": "forged"}
    other.kubectl("delete", "configmap", name)
    eventually(lambda: other.get("deployment", "victim"), patience=90)
    stacks.kubectl("delete", "namespace", elsewhere, "--wait=false")
