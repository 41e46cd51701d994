"""Builds on a real API server: which objects they are made of, who owns them, and what their outcome does to stacks.

No pod runs here. Where a test needs the outcome of a try, it writes the status of its pod as the kubelet would, since
what is looked at is the operator's side of it: that real builds end so is shown on real nodes. The Job controller is
the real one: it makes the pod, and ends the Job once the test has ended the pod.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.e2e.fixtures import OPERATOR_IMAGE
from tests.e2e.operator import PATIENCE, OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

REPOSITORY = "registry.example/team/bot"
BASE = "docker.io/llamastack/distribution-starter:0.7.3"
CONTAINERS = ["prepare", "index", "install", "push"]
NO_MODULE = {
    "reason": "ModuleNotFound",
    "message": "no package my-provider==1.0 was found",
    "hint": "look at the spelling",
    "step": "install",
    "retry": False,
}


def with_module(name: str, module: str = "my_provider==1.0", **spec: Any) -> dict[str, Any]:
    """Return a stack that needs a module, and so a build."""
    entry = {"provider_id": "mine", "provider_type": "remote::mine", "module": module}
    run_config = {"version": 2, "providers": {"safety": [entry]}}
    return minimal(name, runConfig=run_config, **{"build": {"repository": REPOSITORY}, **spec})


def builds(stacks: Stacks) -> list[Any]:
    return list(stacks.kubectl.json("get", "llamastackbuilds")["items"])


def jobs(stacks: Stacks) -> list[Any]:
    return list(stacks.kubectl.json("get", "jobs", "-l", "llamastack.dev/build")["items"])


def owners(body: Any) -> set[str]:
    return {owner["name"] for owner in body["metadata"].get("ownerReferences", [])}


def only_build(stacks: Stacks, stack: str | None = None) -> Any:
    """Wait until the only build there is, or that a stack has, has its Job, and return the build."""

    def found() -> Any:
        (build,) = [one for one in builds(stacks) if stack is None or stack in owners(one)]
        assert build["status"]["phase"] == "Building"
        assert jobs(stacks)
        return build

    return eventually(found)


def pod_of(stacks: Stacks, build: str) -> Any:
    """Wait for the pod that the Job controller makes."""
    return eventually(lambda: stacks.kubectl.json("get", "pods", "-l", f"llamastack.dev/build={build}")["items"][0])


def end(stacks: Stacks, build: str, **codes: tuple[int, str]) -> None:
    """Write the status of a build's pod as a kubelet would; the Job controller then ends the Job.

    Args:
        stacks: the stacks of the namespace.
        build: the name of the build.
        codes: exit code and termination message of containers; of the others 0 and nothing.
    """
    end_pod(stacks, pod_of(stacks, build), **codes)


def end_pod(stacks: Stacks, pod: Any, **codes: tuple[int, str]) -> None:
    """Do the same with one pod, where a build has several tries."""

    def state(name: str) -> dict[str, Any]:
        code, message = codes.get(name, (0, ""))
        times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
        ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed", **times}
        known = {"image": "", "imageID": "", "restartCount": 0, "ready": False}
        return {"name": name, "state": {"terminated": ended}, **known}

    status = {
        "phase": "Failed" if any(code for code, _ in codes.values()) else "Succeeded",
        "initContainerStatuses": [state(name) for name in CONTAINERS[:3]],
        "containerStatuses": [state("push")],
    }
    patch = json.dumps({"status": status})
    name = pod["metadata"]["name"]
    stacks.kubectl("patch", "pod", name, "--subresource", "status", "--type", "merge", "-p", patch)


def fail(stacks: Stacks, build: str, **told: Any) -> None:
    end(stacks, build, install=(1, json.dumps({**NO_MODULE, **told})), push=(1, ""))


class TestObjects:
    def test_a_stack_with_a_module_gets_a_build_and_no_pod_before_it_is_done(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("needs"))
        build = only_build(stacks)
        name = build["metadata"]["name"]
        (job,) = jobs(stacks)
        inputs = stacks.kubectl.json("get", "configmap", job["metadata"]["name"])
        for body in (job, inputs):
            (owner,) = body["metadata"]["ownerReferences"]
            assert (owner["uid"], owner["controller"]) == (build["metadata"]["uid"], True)
        (stack,) = build["metadata"]["ownerReferences"]
        assert stack["uid"] == stacks.get("llamastack", "needs")["metadata"]["uid"]
        assert not stack.get("controller"), "several stacks may own one build"
        assert inputs["immutable"]
        assert json.loads(inputs["data"]["build.json"])["repository"] == REPOSITORY
        assert stacks.get("deployment", "needs") is None
        condition = stacks.condition("needs", "ImageReady", "False", "Building")
        assert name in condition["message"]
        assert stacks.get("llamastack", "needs")["status"]["buildRef"] == {"name": name}

    def test_the_pod_is_admitted_by_a_namespace_that_enforces_the_restricted_profile(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("safe"))
        spec = pod_of(stacks, only_build(stacks)["metadata"]["name"])["spec"]
        images = {one["name"]: one["image"] for one in (*spec["initContainers"], *spec["containers"])}
        assert images == {**dict.fromkeys(CONTAINERS, OPERATOR_IMAGE), "install": BASE}
        assert spec["automountServiceAccountToken"] is False

    @pytest.mark.parametrize("over", [False, True])
    def test_at_rest_nothing_is_written(self, over: bool, stacks: Stacks) -> None:
        """A running build is looked at every two seconds; no look may change it, its stack or anything else."""
        stacks.kubectl.apply(with_module("rests"))
        name = only_build(stacks)["metadata"]["name"]
        pod_of(stacks, name)
        if over:
            fail(stacks, name)
        reason = "ModuleNotFound" if over else "Building"
        stacks.condition("rests", "ImageReady", "False", reason)
        before = versions(stacks)
        time.sleep(5)
        assert versions(stacks) == before


def versions(stacks: Stacks) -> dict[str, str]:
    items = stacks.kubectl.json("get", "llamastackbuilds,jobs,configmaps,llamastacks")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}


class TestSharing:
    def test_stacks_of_the_same_needs_own_one_build_until_the_last_goes(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("first"))
        build = only_build(stacks)
        stacks.kubectl.apply(with_module("second"))
        eventually(lambda: owners(only_build(stacks)) == {"first", "second"})
        assert len(jobs(stacks)) == 1
        stacks.kubectl("delete", "llamastack", "first")
        eventually(lambda: owners(only_build(stacks)) == {"second"})
        assert only_build(stacks)["metadata"]["uid"] == build["metadata"]["uid"]
        stacks.kubectl("delete", "llamastack", "second")
        eventually(lambda: not builds(stacks))
        eventually(lambda: not jobs(stacks))
        eventually(lambda: not stacks.kubectl.json("get", "configmaps", "-l", "llamastack.dev/build")["items"])

    def test_an_edit_lets_go_of_a_build_that_is_not_done(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("edited"))
        old = only_build(stacks)["metadata"]["uid"]
        stacks.kubectl.apply(with_module("edited", module="my_provider==1.1"))

        def replaced() -> bool:
            (build,) = builds(stacks)
            return bool(build["metadata"]["uid"] != old)

        eventually(replaced)
        # The old build's Job goes with its namespace's collector, and its place may go to builds that other tests left.
        eventually(lambda: len(jobs(stacks)) == 1, 3 * PATIENCE)

    def test_a_build_that_somebody_else_wrote_under_the_name_is_not_used(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("robbed"))
        build = only_build(stacks)
        stacks.kubectl("delete", "llamastack", "robbed")
        eventually(lambda: not builds(stacks))
        forged = {
            "apiVersion": build["apiVersion"],
            "kind": build["kind"],
            "metadata": {"name": build["metadata"]["name"]},
            "spec": {**build["spec"], "key": "f" * 64},
        }
        stacks.kubectl.apply(forged)
        stacks.kubectl.apply(with_module("robbed"))
        condition = stacks.condition("robbed", "Ready", "False", "NameConflict")
        assert build["metadata"]["name"] in condition["message"]
        assert not owners(builds(stacks)[0])


class TestServingStack:
    def test_is_left_alone_while_its_next_image_is_built_and_when_that_fails(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(minimal("serves"))
        stacks.condition("serves", "ImageReady", "True", "Prebuilt")
        before = eventually(lambda: stacks.get("deployment", "serves"))
        stacks.kubectl.apply(with_module("serves"))
        stacks.condition("serves", "ImageReady", "False", "Building")
        fail(stacks, only_build(stacks)["metadata"]["name"])
        stacks.condition("serves", "ImageReady", "False", "ModuleNotFound")
        after = stacks.get("deployment", "serves")
        assert (after["metadata"]["uid"], after["metadata"]["generation"], after["spec"]) == (
            before["metadata"]["uid"],
            before["metadata"]["generation"],
            before["spec"],
        )
        stacks.kubectl.apply(minimal("serves"))
        stacks.condition("serves", "ImageReady", "True", "Prebuilt")


class TestFailure:
    def test_is_told_with_reason_and_cure_and_waits_for_a_change(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("fails"))
        fail(stacks, only_build(stacks)["metadata"]["name"])
        condition = stacks.condition("fails", "ImageReady", "False", "ModuleNotFound")
        assert NO_MODULE["message"] in condition["message"]
        assert stacks.conditions("fails")["Stalled"]["status"] == "True"
        (finding,) = stacks.get("llamastack", "fails")["status"]["findings"]
        assert (finding["reason"], finding["hint"]) == ("ModuleNotFound", NO_MODULE["hint"])
        (build,) = builds(stacks)
        assert build["status"]["phase"] == "Failed"
        assert build["status"]["failure"]["step"] == "install"
        assert "nextAttemptAt" not in build["status"]

    def test_that_may_pass_is_tried_again_by_a_second_job(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("retries"))
        fail(stacks, only_build(stacks)["metadata"]["name"], reason="IndexUnreachable", retry=True)
        stacks.condition("retries", "ImageReady", "False", "IndexUnreachable")
        assert stacks.conditions("retries")["Reconciling"]["status"] == "True"
        eventually(lambda: len(jobs(stacks)) == 2)
        assert builds(stacks)[0]["status"]["attempts"] == 2

    def test_of_a_pod_that_was_made_to_run_another_image_is_tampering(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("hijacked"))
        pod = pod_of(stacks, only_build(stacks)["metadata"]["name"])["metadata"]["name"]
        stacks.kubectl("set", "image", f"pod/{pod}", "push=evil.example/push:1")
        stacks.condition("hijacked", "ImageReady", "False", "Tampered")
        eventually(lambda: not jobs(stacks))


def test_an_operator_that_is_killed_goes_on_and_starts_nothing_twice(stacks: Stacks, operator: OperatorProcess) -> None:
    stacks.kubectl.apply(with_module("survives"))
    name = only_build(stacks)["metadata"]["name"]
    operator.kill()
    try:
        fail(stacks, name)
    finally:
        operator.start()
    stacks.condition("survives", "ImageReady", "False", "ModuleNotFound")
    assert len(jobs(stacks)) == 1
    assert builds(stacks)[0]["status"]["attempts"] == 1


class TestSchema:
    def test_the_inputs_of_a_build_cannot_be_changed(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("fixed"))
        name = only_build(stacks)["metadata"]["name"]
        patch = json.dumps({"spec": {"reasons": ["because"]}})
        with pytest.raises(KubectlError, match="a build's inputs cannot be changed"):
            stacks.kubectl("patch", "llamastackbuild", name, "--type", "merge", "-p", patch)

    @pytest.mark.parametrize(
        ("build", "words"),
        [
            ({"strategy": "Image"}, "strategy Image needs a repository to push to"),
            ({"pip": {"allowSourceDistributions": True}}, "set repository, or remove pip.allowSourceDistributions"),
            (
                {"repository": REPOSITORY, "strategy": "Start", "pip": {"allowSourceDistributions": True}},
                "set repository, or remove pip.allowSourceDistributions",
            ),
            ({"repository": "https://registry.example/a"}, "spec.build.repository"),
            ({"repository": "registry.example/a:tag"}, "spec.build.repository"),
            ({"pip": {"indexUrl": "https://user:word@index.example/simple"}}, "spec.build.pip.indexUrl"),
            ({"timeoutSeconds": 1}, "spec.build.timeoutSeconds"),
            ({"refreshInterval": "5s"}, "spec.build.refreshInterval"),
        ],
    )
    def test_wrong_build_settings_are_refused_in_plain_words(
        self, build: dict[str, Any], words: str, served: ControlPlane, kubectl: Kubectl
    ) -> None:
        with pytest.raises(KubectlError) as refusal:
            kubectl("create", "-f", "-", stdin=with_module("wrong", build=build))
        assert words in refusal.value.stderr
