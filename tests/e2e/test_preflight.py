"""Roll-outs that wait for a preflight, on a real API server with its controllers; the test stands in for the kubelet.

No pod runs here: what a kubelet would say of pods is written by hand. That real pods say it is in
tests/e2e/test_preflight_on_node.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

PATIENCE = 120.0
"""Seconds for a preflight whose pod no node takes, which is given up after 60."""
NOW = "2026-01-01T00:00:05Z"
ROW = ReportedProvider("inference", "vllm", "remote::vllm", "Ready")
PASSED = StartReport.of("Passed", "0.7.3", (), (ROW,))
LACKS = ReportedFinding(
    "error", "MissingMethod", "providers.inference[0]", "Mine.rerank is missing", "", "inference", "vllm"
)
MISSING = StartReport.of("Failed", "0.7.3", (LACKS,), (ROW,))
EDIT = {"env": [{"name": "EDITED", "value": "yes"}]}


def claimed(name: str, **server: Any) -> dict[str, Any]:
    return minimal(name, server={"storage": {"size": "1Gi"}, **server})


def pods(stacks: Stacks, selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.kubectl.json("get", "pods", "-l", selector)["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def say(stacks: Stacks, pod: dict[str, Any], status: dict[str, Any]) -> None:
    """Write what a kubelet would say of a pod."""
    patch = json.dumps({"status": status})
    stacks.kubectl(
        "patch", "pod", pod["metadata"]["name"], "--subresource", "status", "--type", "strategic", "-p", patch
    )


def serve(stacks: Stacks, name: str) -> set[str]:
    """Have all pods of a stack serve, until it is ready, and return their names."""

    def ready() -> Any:
        for pod in pods(stacks, f"llamastack.dev/stack={name}"):
            say(stacks, pod, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
        found = stacks.conditions(name)["Ready"]
        assert found["status"] == "True", found
        return {pod["metadata"]["name"] for pod in pods(stacks, f"llamastack.dev/stack={name}")}

    names: set[str] = eventually(ready)
    return names


def jobs(stacks: Stacks, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.kubectl.json("get", "jobs", "-l", f"llamastack.dev/preflight={name}")["items"]
    return found


def preflight_pod(stacks: Stacks, name: str) -> dict[str, Any]:
    (pod,) = eventually(lambda: pods(stacks, f"llamastack.dev/preflight={name}"))
    return pod


def end(stacks: Stacks, name: str, report: StartReport) -> None:
    """Have the check of a preflight end with a report."""
    code = int(report.verdict == "Failed")
    ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": NOW, "startedAt": NOW}
    state = {"terminated": {**ended, "message": report.to_text()}}
    entry = {"name": CHECK, "ready": False, "restartCount": 0, "image": "a", "imageID": "", "state": state}
    phase = "Failed" if code else "Succeeded"
    say(stacks, preflight_pod(stacks, name), {"phase": phase, "containerStatuses": [entry]})


def revision(stacks: Stacks, name: str) -> str:
    template = stacks.kubectl.json("get", "deployment", name)["spec"]["template"]
    return str(template["metadata"]["annotations"]["llamastack.dev/revision"])


def state(stacks: Stacks, name: str) -> Any:
    return stacks.kubectl.json("get", "llamastack", name)["status"]["preflight"]["state"]


@pytest.fixture
def restarted(operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """The operator, which a test may stop: it runs again after it."""
    yield operator
    try:
        assert operator.pid
    except LookupError:
        operator.start()


def test_what_is_proved_before_pods_are_stopped_keeps_them_serving(stacks: Stacks, restarted: OperatorProcess) -> None:
    stacks.kubectl.apply(claimed("held"))
    serving, first = serve(stacks, "held"), revision(stacks, "held")
    assert jobs(stacks, "held") == []

    stacks.kubectl.apply(claimed("held", **EDIT))
    pod = preflight_pod(stacks, "held")
    stacks.condition("held", "Reconciling", "True", "Preflight")
    selector = stacks.kubectl.json("get", "service", "held")["spec"]["selector"]
    assert not selector.items() & pod["metadata"]["labels"].items()
    assert "persistentVolumeClaim" not in json.dumps(pod["spec"]["volumes"])

    end(stacks, "held", MISSING)
    told = stacks.condition("held", "Ready", "False", "MissingMethod")
    assert told["message"].startswith("found by a preflight, and no pod was stopped: spec.runConfig.providers")
    stacks.condition("held", "Stalled", "True", "MissingMethod")
    stacks.condition("held", "Available", "True", "OldRevisionServes")
    assert revision(stacks, "held") == first
    events = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.name=held")["items"]
    assert [one["type"] for one in events if one["reason"] == "MissingMethod"] == ["Warning"]

    # What was found outlives operator and Job, and is not asked again.
    restarted.stop()
    stacks.kubectl("delete", "jobs", "--all")
    restarted.start()
    stacks.patch("held", '{"metadata": {"annotations": {"touched": "yes"}}, "spec": {"server": {"replicas": 2}}}')
    eventually(lambda: stacks.kubectl.json("get", "deployment", "held")["spec"]["replicas"] == 2)
    stacks.condition("held", "Ready", "False", "MissingMethod")
    assert jobs(stacks, "held") == []
    assert revision(stacks, "held") == first

    stacks.kubectl.apply(claimed("held", replicas=2))
    assert serve(stacks, "held") >= serving, "to revert is enough"
    assert revision(stacks, "held") == first
    assert "preflight" not in stacks.kubectl.json("get", "llamastack", "held")["status"]


def test_what_passes_is_rolled_out_and_its_job_goes(stacks: Stacks) -> None:
    stacks.kubectl.apply(claimed("passes"))
    serve(stacks, "passes")
    first = revision(stacks, "passes")
    stacks.kubectl.apply(claimed("passes", **EDIT))
    end(stacks, "passes", PASSED)
    eventually(lambda: revision(stacks, "passes") != first)
    eventually(lambda: jobs(stacks, "passes") == [])
    assert state(stacks, "passes") == "Passed"
    serve(stacks, "passes")


def test_an_edit_while_one_runs_is_checked_in_its_place(stacks: Stacks) -> None:
    stacks.kubectl.apply(claimed("again"))
    serve(stacks, "again")
    stacks.kubectl.apply(claimed("again", **EDIT))
    first = preflight_pod(stacks, "again")
    stacks.kubectl.apply(claimed("again", env=[{"name": "EDITED", "value": "once more"}]))
    eventually(lambda: preflight_pod(stacks, "again")["metadata"]["uid"] != first["metadata"]["uid"])
    assert len(jobs(stacks, "again")) == 1


def test_one_whose_pod_no_node_takes_holds_nothing(stacks: Stacks) -> None:
    stacks.kubectl.apply(claimed("unplaced"))
    serve(stacks, "unplaced")
    first = revision(stacks, "unplaced")
    stacks.kubectl.apply(claimed("unplaced", **EDIT))
    preflight_pod(stacks, "unplaced")
    eventually(lambda: revision(stacks, "unplaced") != first, PATIENCE)
    assert state(stacks, "unplaced") == "Unproven"
    eventually(lambda: jobs(stacks, "unplaced") == [])

    def told() -> list[str]:
        events = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.name=unplaced")["items"]
        return [one["type"] for one in events if one["reason"] == "PreflightUnproven"]

    eventually(lambda: told() == ["Normal"])


def test_one_that_may_not_be_made_holds_nothing(stacks: Stacks) -> None:
    stacks.kubectl.apply(claimed("refused"))
    serve(stacks, "refused")
    first = revision(stacks, "refused")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-jobs"}}
    stacks.kubectl.apply({**quota, "spec": {"hard": {"count/jobs.batch": "0"}}})
    eventually(lambda: stacks.kubectl.json("get", "resourcequota", "no-jobs").get("status", {}).get("hard"))
    stacks.kubectl.apply(claimed("refused", **EDIT))
    eventually(lambda: revision(stacks, "refused") != first)
    found = stacks.kubectl.json("get", "llamastack", "refused")["status"]["preflight"]
    assert found["state"] == "Unproven"
    assert "exceeded quota" in found["message"]


def test_a_suspended_stack_is_rolled_out_at_once(stacks: Stacks) -> None:
    stacks.kubectl.apply(claimed("sleeps"))
    serve(stacks, "sleeps")
    first = revision(stacks, "sleeps")
    stacks.kubectl.apply({**claimed("sleeps", **EDIT), "spec": {**claimed("sleeps", **EDIT)["spec"], "suspend": True}})
    eventually(lambda: revision(stacks, "sleeps") != first)
    assert jobs(stacks, "sleeps") == []
