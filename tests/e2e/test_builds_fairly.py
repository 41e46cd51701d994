"""Builds of several tenants on a real control plane: whose turn it is, and what is told of one that cannot start.

No pod runs here, so each build that started holds its place for as long as a test wants, as one does whose pod sleeps.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl
from tests.e2e.fixtures import OPERATOR_IMAGE
from tests.e2e.operator import PATIENCE, Stacks, eventually
from tests.e2e.test_builds import NO_MODULE, builds, end, end_pod, jobs, only_build, with_module
from tests.support.records import RECORD

pytestmark = pytest.mark.control_plane

WITHIN = 15.0
"""Seconds within which the build of another tenant has its Job, whatever others do."""


@pytest.fixture
def tenants(stacks: Stacks, served: ControlPlane, kubectl: Kubectl) -> Iterator[tuple[Stacks, Stacks]]:
    """Two namespaces: the test's own, and one more, whose builds are gone afterwards."""
    name = f"{kubectl.namespace}-crowd"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    served.kubectl.apply(body)
    crowd = Stacks(served.kubectl.within(name))
    yield stacks, crowd
    crowd.kubectl("delete", "llamastacks", "--all")
    eventually(lambda: not builds(crowd))
    served.kubectl("delete", "namespace", name, "--wait=false")


def started(stacks: Stacks) -> list[str]:
    """Return the builds that have a Job."""
    return sorted(one["metadata"]["labels"]["llamastack.dev/build"] for one in jobs(stacks))


def test_a_tenant_with_fifty_builds_keeps_nobody_waiting(tenants: tuple[Stacks, Stacks]) -> None:
    """Each could hold its place for an hour: the whole cluster waited for one tenant before."""
    own, crowd = tenants
    slow = {"repository": "registry.example/team/bot", "timeoutSeconds": 86400}
    crowd.kubectl.apply([with_module(f"s{number}", f"my_provider=={number}", build=slow) for number in range(50)])
    eventually(lambda: len(builds(crowd)) == 50, 3 * PATIENCE)
    eventually(lambda: started(crowd))
    own.kubectl.apply(with_module("mine"))
    begun = time.monotonic()
    eventually(lambda: jobs(own), WITHIN)
    assert time.monotonic() - begun <= WITHIN
    assert len(started(crowd)) <= 2
    deadlines = {one["spec"]["activeDeadlineSeconds"] for one in jobs(crowd)}
    assert deadlines == {3600}, "the operator's own limit"
    told = crowd.get("llamastack", "s0")["status"]["findings"]
    assert "TimeoutShortened" in {one["reason"] for one in told}


def test_places_go_to_those_that_wait_when_a_build_ends(tenants: tuple[Stacks, Stacks]) -> None:
    _, crowd = tenants
    crowd.kubectl.apply([with_module(f"s{number}", f"my_provider=={number}") for number in range(4)])
    first = eventually(lambda: len(found := started(crowd)) == 2 and found)
    end(crowd, first[0], install=(1, ""), push=(1, ""))
    eventually(lambda: len(set(started(crowd))) == 3)
    stack = next(iter(one for one in crowd.kubectl.json("get", "llamastacks")["items"] if runs(one, first[1])))
    crowd.kubectl("delete", "llamastack", stack["metadata"]["name"])
    eventually(lambda: len(set(started(crowd)) - set(first)) == 2)


def runs(stack: Any, build: str) -> bool:
    return bool(stack.get("status", {}).get("buildRef", {}).get("name") == build)


def limit(stacks: Stacks, name: str, what: str) -> None:
    """Let a namespace have nothing of a kind, and wait until that holds."""
    hard = {what: "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}
    stacks.kubectl.apply(quota)
    eventually(lambda: stacks.get("resourcequota", name)["status"]["hard"] == hard)


def test_a_namespace_without_room_for_the_pod_is_told_so_and_gives_its_place_back(stacks: Stacks) -> None:
    limit(stacks, "small", "pods")
    stacks.kubectl.apply(with_module("refused"))
    eventually(lambda: jobs(stacks))

    def told() -> bool:
        condition = stacks.conditions("refused")["ImageReady"]
        assert condition["reason"] == "PodsRefused", condition
        assert "exceeded quota: small" in condition["message"]
        return True

    eventually(told, 3 * PATIENCE)
    assert stacks.conditions("refused")["Stalled"]["status"] == "False", "it is tried again"
    stacks.kubectl("delete", "resourcequota", "small")
    eventually(lambda: stacks.kubectl.json("get", "pods", "-l", "llamastack.dev/build")["items"], 3 * PATIENCE)


def test_a_namespace_without_room_for_the_job_is_told_so(stacks: Stacks) -> None:
    limit(stacks, "none", "count/jobs.batch")
    stacks.kubectl.apply(with_module("refused"))
    condition = stacks.condition("refused", "ImageReady", "False", "PodsRefused")
    assert "exceeded quota: none" in condition["message"]


def test_of_many_tries_the_last_two_are_kept(stacks: Stacks) -> None:
    stacks.kubectl.apply(with_module("fails"))
    words = json.dumps({**NO_MODULE, "reason": "IndexUnreachable", "retry": True})
    for attempt in ("-1", "-2"):
        label = f"job-name={eventually(partial(named, stacks, attempt), 3 * PATIENCE)}"
        pod = eventually(partial(first_pod, stacks, label))
        end_pod(stacks, pod, install=(1, words), push=(1, ""))
    eventually(partial(named, stacks, "-3"), 3 * PATIENCE)

    def kept(kind: str) -> list[str]:
        items = stacks.kubectl.json("get", kind, "-l", "llamastack.dev/build")["items"]
        return sorted(one["metadata"]["name"][-2:] for one in items)

    eventually(lambda: kept("jobs") == kept("configmaps") == ["-2", "-3"])


def named(stacks: Stacks, end: str) -> str | None:
    """Return the Job whose name ends so, if there is one."""
    names = [one["metadata"]["name"] for one in jobs(stacks)]
    return next((name for name in names if name.endswith(end)), None)


def first_pod(stacks: Stacks, label: str) -> Any:
    return stacks.kubectl.json("get", "pods", "-l", label)["items"][0]


def test_a_lock_that_somebody_deletes_is_made_again(stacks: Stacks) -> None:
    """Pods that install at their start mount it. The status of the build is written as the operator would: no pod runs
    here whose record it could read."""
    stacks.kubectl.apply(with_module("locked", build={}))
    name = only_build(stacks)["metadata"]["name"]
    done = {"phase": "Succeeded", "platform": "linux/amd64", "python": "3.13", "installed": 1}
    status = {**done, "operatorImage": OPERATOR_IMAGE, "lock": [json.dumps(one) for one in RECORD["lock"]]}
    patch = json.dumps({"status": {**status, "step": None}})
    stacks.kubectl("patch", "llamastackbuild", name, "--subresource", "status", "--type", "merge", "-p", patch)
    lock = eventually(lambda: stacks.get("configmap", f"{name}-lock"))
    stacks.condition("locked", "ImageReady", "True", "InstalledAtStart")
    stacks.kubectl("delete", "configmap", f"{name}-lock")

    def again() -> Any:
        found = stacks.get("configmap", f"{name}-lock")
        return found and found["metadata"]["uid"] != lock["metadata"]["uid"] and found

    assert eventually(again)["data"] == lock["data"]
