"""Every way in which a provider can be wrong when it is started, in real pods of three releases: the whole table.

Each release has one image, with the packages of the cases. Stacks stand side by side: one takes case after case, one
those whose module the operator has to install, and one each the cases that take the whole time that a check has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.api.labels import REVISION_ANNOTATION
from llamastack_resolver.releases import Release
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.cluster.releases import image_with
from tests.e2e.building import pod_names, pods, publish
from tests.e2e.operator import Stacks, eventually
from tests.e2e.test_node import polled, service_url
from tests.e2e.test_references import config_map
from tests.matrix import full_matrix
from tests.support.start_cases import CASES, ID, RELEASES, TYPE, StartCase, files, packages, run_config

pytestmark = pytest.mark.node

HOME = "/var/lib/llama-stack"
RIGHT = "it is right"
SLOW = 420.0
"""Seconds for a check that takes all of its time, beside others on a busy machine."""
ANSWERED_WITHIN = 30.0
"""Seconds for an answer, while several stacks start on one machine; to what is not there none comes at all."""
PAUSE = 2.0
"""Seconds between questions: each is a process, and takes the CPU from what is asked about."""


@dataclass(frozen=True)
class Lane:
    """A stack that takes one case after the other.

    Attributes:
        stacks: the namespace.
        name: of the stack.
        release: what it runs.
        image: where that is, with the packages.
        build: its build settings.
        first: the revision of its pods while it is right, once that is known.
    """

    stacks: Stacks
    name: str
    release: str
    image: str
    build: dict[str, Any]
    first: list[str] = field(default_factory=list)

    def apply(self, case: str) -> None:
        """Make the stack that of a case."""
        self.stacks.kubectl.apply([*self._files(case), self._stack(case)])

    def _files(self, case: str) -> Iterator[dict[str, Any]]:
        texts = {Path(path).name: text for path, text in files(case).items()}
        if texts:
            yield config_map(f"{self.name}-files", **texts)

    def _stack(self, case: str) -> dict[str, Any]:
        release = Release.parse(self.release)
        spec: dict[str, Any] = {
            "distribution": {
                "image": self.image,
                "release": {"package": release.package, "version": release.version},
            },
            "runConfig": run_config(case, self.release, HOME),
        }
        source = f"{self.name}-files"
        for path in files(case):
            folder, name = path.partition("/")[0], Path(path).name
            reference = {"configMapKeyRef": {"name": source, "key": name}}
            if folder == "apis.d":
                spec["externalApis"] = [{"name": Path(name).stem, **reference}]
            else:
                spec["externalProviders"] = [{"api": CASES[case].api, "providerType": TYPE, **reference}]
        if CASES[case].by == "module":
            spec["build"] = self.build
        kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "metadata": {"name": self.name}}
        return {**kind, "spec": spec}

    def status(self) -> dict[str, Any]:
        """Return its status."""
        found: dict[str, Any] = self.stacks.kubectl.json("get", "llamastack", self.name)["status"]
        return found

    def row(self) -> dict[str, Any]:
        """Return the row of its provider."""
        (found,) = [one for one in self.status()["providers"] if one["id"] == ID]
        return dict(found)

    def right(self) -> str:
        """Return the revision of its pods while it is right: it has the same each time."""
        if not self.first:
            template = self.stacks.get("deployment", self.name)["spec"]["template"]
            self.first.append(template["metadata"]["annotations"][REVISION_ANNOTATION])
        return self.first[0]

    def revisions(self) -> set[str]:
        """Return the revisions of its pods that were not told to end."""
        return {pod["metadata"]["annotations"][REVISION_ANNOTATION] for pod in pods(self.stacks, self.name)}

    def events(self, reason: str) -> list[Any]:
        """Return the Events of a reason that it has."""
        chosen = f"involvedObject.kind=LlamaStack,involvedObject.name={self.name},reason={reason}"
        return list(self.stacks.kubectl.json("get", "events", "--field-selector", chosen)["items"])


@contextmanager
def lanes(node: Node, kubectl: Kubectl, release: str, folder: Path) -> Iterator[dict[str, Lane]]:
    """Have a stack for each group of cases, with an index of the packages that the operator has to install."""
    image = image_with(release, f"registry.local/start-cases:{release}", packages(release, modules=False))
    node.push(image)
    publish(folder, *packages(release))
    with node.start_index("index.local", folder) as index:
        repository = f"registry.local:5000/{kubectl.namespace}/start-cases"
        build = {"repository": repository, "pip": {"indexUrl": index.simple}}
        names = ("table", "modules", *(f"slow-{number}" for number in range(len(slow_cases()))))
        yield {name: Lane(Stacks(kubectl), name, release, image, build) for name in names}


def slow_cases() -> list[str]:
    return [name for name, case in CASES.items() if case.hangs]


def journeys() -> dict[str, list[str]]:
    """Return the cases of each lane."""
    quick = [name for name, case in CASES.items() if not case.hangs and name != RIGHT]
    modules = [name for name in quick if CASES[name].by == "module"]
    slow = {f"slow-{number}": [name] for number, name in enumerate(slow_cases())}
    return {"table": [name for name in quick if name not in modules], "modules": modules, **slow}


@full_matrix
@pytest.mark.parametrize("release", RELEASES)
def test_each_case_is_told_while_the_old_pods_serve_and_mending_it_is_enough(
    release: str, installed: Node, node_kubectl: Kubectl, tmp_path: Path
) -> None:
    (tmp_path / "wheels").mkdir()
    with lanes(installed, node_kubectl, release, tmp_path / "wheels") as found, ThreadPoolExecutor() as workers:
        ways = [
            workers.submit(travel, installed, found[name], cases, tmp_path / name) for name, cases in journeys().items()
        ]
        wrong = [str(way.exception()) for way in ways if way.exception()]
    assert not wrong, "\n".join(wrong)


def travel(node: Node, lane: Lane, cases: Sequence[str], folder: Path) -> None:
    """Take a stack through cases, with a client that never stops asking it.

    Raises:
        ExceptionGroup: what was not told as it should be, by case.
    """
    folder.mkdir()
    settle(lane)
    wrong: list[Exception] = []
    with polled(node, service_url(lane.stacks, lane.name), folder, ANSWERED_WITHIN) as seen:
        for name in cases:
            try:
                take(lane, name)
            except Exception as error:
                wrong.append(AssertionError(f"{lane.release}: {name}: {error}"))
            settle(lane)
    if seen["failures"]:
        wrong.append(AssertionError(f"{lane.release}: {lane.name} did not answer: {seen['failures'][:3]}"))
    if wrong:
        raise ExceptionGroup("; ".join(map(str, wrong)), wrong)


def settle(lane: Lane) -> None:
    """Make the stack right, and see that nothing is left of what was wrong."""
    lane.apply(RIGHT)

    def right() -> bool:
        time.sleep(PAUSE)
        conditions, status = lane.stacks.conditions(lane.name), lane.status()
        assert conditions["Ready"]["status"] == "True", conditions
        assert conditions["ProtocolCompliant"]["status"] == "True", conditions
        assert (status.get("findings", []), lane.row()["state"]) == ([], "Ready"), status
        assert lane.revisions() == {lane.right()}, "pods of other cases are gone"
        return True

    eventually(right, SLOW)


def take(lane: Lane, name: str) -> None:
    """Apply a case, and see what is told of it."""
    case = CASES[name]
    told, serving = case.told_by(lane.release), pod_names(lane.stacks, lane.name)
    lane.apply(name)
    conditions = eventually(lambda: arrived(lane, case, serving), SLOW)
    assert {
        kind: (conditions[kind]["status"], conditions[kind]["reason"]) for kind in told.conditions
    } == told.conditions
    assert lane.row()["state"] == told.row
    found = [one for one in lane.status().get("findings", []) if one["reason"] == told.reason]
    assert [told.words in one["message"] for one in found] == [True] * bool(told.reason), found
    assert all(one["path"].startswith(f"spec.runConfig.providers.{case.api}[0]") for one in found), found
    assert not told.reason or eventually(lambda: lane.events(told.reason))
    if not told.stops:
        return
    assert told.words in conditions["Ready"]["message"]
    assert conditions["Stalled"]["status"] == str(told.lasts)
    assert (conditions["Available"]["status"], conditions["Available"]["reason"]) == ("True", "OldRevisionServes")
    assert serving <= pod_names(lane.stacks, lane.name), "the old pods serve on"


def arrived(lane: Lane, case: StartCase, serving: set[str]) -> Any:
    """Return the conditions once they tell a case: it stops a server, or a server runs with it."""
    time.sleep(PAUSE)
    told, conditions = case.told_by(lane.release), lane.stacks.conditions(lane.name)
    ready = conditions["Ready"]
    if told.stops:
        return conditions if (ready["status"], ready["reason"]) == ("False", told.reason) else None
    new = pod_names(lane.stacks, lane.name)
    return conditions if ready["status"] == "True" and new and not new & serving else None
