"""What is kept of the Jobs of builds and of their pods, from objects as the API server serves them."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.objects.builds import build_pod_from, job_from

METADATA = {"namespace": "team-a", "name": "modules-a", "uid": "u", "resourceVersion": "7"}


def job(status: dict[str, Any] | None = None, attempt: str | None = "2", **metadata: Any) -> dict[str, Any]:
    known = {
        **METADATA,
        "labels": {"llamastack.dev/build": "modules-a"},
        "annotations": {"llamastack.dev/attempt": attempt} if attempt else {},
        "ownerReferences": [{"uid": "else"}, {"uid": "build-uid", "controller": True}],
    }
    return {"metadata": {**known, **metadata}, "status": status}


class TestJob:
    def test_tells_its_build_and_which_try_it_is(self) -> None:
        held = job_from(job({"startTime": "2026-01-01T00:00:00Z"}))
        assert held is not None
        assert (held.group, held.build_uid, held.attempt, held.ended) == ("modules-a", "build-uid", 2, None)

    @pytest.mark.parametrize("attempt", [None, "", "two", "-1", "²", "٣", "9" * 5000])
    def test_without_the_number_of_a_try_is_no_builds(self, attempt: str | None) -> None:
        assert job_from(job(attempt=attempt)) is None

    def test_without_a_build_is_no_builds(self) -> None:
        assert job_from(job(labels={})) is None

    def test_has_ended_only_where_a_condition_says_so(self) -> None:
        """A Job that is to fail says FailureTarget first, while its pods still end."""
        target = {"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded"}
        end = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late"}
        unsaid = {"type": "Complete", "status": "False"}
        going, done = job_from(job({"conditions": [target, unsaid]})), job_from(job({"conditions": [target, end]}))
        assert going is not None
        assert done is not None
        assert (going.ended, done.ended) == (None, ("Failed", "DeadlineExceeded", "late"))


class TestPod:
    def pod(self, **status: Any) -> Any:
        metadata = {**METADATA, "labels": {"llamastack.dev/build": "modules-a"}}
        metadata["ownerReferences"] = [{"uid": "job-uid", "controller": True}]
        spec = {
            "initContainers": [{"name": "install", "image": "base:1"}],
            "containers": [{"name": "push", "image": "operator:1"}],
        }
        return build_pod_from({"metadata": metadata, "spec": spec, "status": status})

    def test_that_no_node_has_yet_has_its_containers(self) -> None:
        held = self.pod()
        assert [(one.name, one.image) for one in held.containers] == [("install", "base:1"), ("push", "operator:1")]
        assert (held.job_uid, held.phase, held.unschedulable) == ("job-uid", "Unknown", "")

    def test_tells_what_each_container_does(self) -> None:
        ended = {"terminated": {"reason": "Completed", "exitCode": 0, "message": "words"}}
        held = self.pod(
            phase="Running",
            initContainerStatuses=[{"name": "install", "imageID": "base@sha256:1", "state": ended}],
            containerStatuses=[{"name": "push", "state": {"waiting": {"reason": "ErrImagePull"}}}],
        )
        install, push = held.container("install"), held.container("push")
        assert (install.ended, install.image_id) == (("Completed", 0, "words"), "base@sha256:1")
        assert (push.waiting, push.ended) == (("ErrImagePull", ""), None)
        assert held.container("else") is None

    def test_is_unschedulable_in_the_schedulers_words(self) -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
        assert self.pod(conditions=[condition]).unschedulable == "no cpu"
        assert self.pod(conditions=[{**condition, "reason": "SchedulingGated"}]).unschedulable == ""

    def test_that_was_evicted_says_why(self) -> None:
        assert self.pod(phase="Failed", reason="Evicted", message="disk").reason == ("Evicted", "disk")
