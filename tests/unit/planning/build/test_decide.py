"""What a build needs next, from what the cluster says of its tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.llamastackbuild import LlamaStackBuildStatus
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord
from llamastack_operator.planning.build.decide import BuildDecision, decide, retry_delay
from llamastack_operator.planning.build.snapshot import BuildSnapshot
from llamastack_operator.workloads.build_job import job
from tests.support.build_attempts import INPUTS, SETTINGS, TOLD, build, ended, job_of, last_words, pod_of

CHANGES: dict[str, dict[str, Any]] = {
    "another command": {"command": ["sh", "-c", "echo"]},
    "another argument": {"args": ["--no-push"]},
    "a variable more": {"env": [{"name": "PYTHONSTARTUP", "value": "/tmp/mine.py"}]},
    "a variable from elsewhere": {"env": [{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
    "a hook": {"lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}},
    "a probe that runs something": {"startupProbe": {"exec": {"command": ["sh"]}}},
    "another folder": {"workingDir": "/tmp"},
    "files of others": {"volumeMounts": [{"name": "mine", "mountPath": "/usr/lib/python3"}]},
}
"""What the container `push` of a pod can have that the operator did not give it."""


def changed_spec(change: dict[str, Any]) -> dict[str, Any]:
    """Return the containers of a pod of a Job, of which `push` has this change."""
    spec = job(building(), 1, SETTINGS, TOLD)["spec"]["template"]["spec"]
    (push,) = spec["containers"]
    return {"containers": [{**push, **change}], "volumes": [*spec["volumes"], {"name": "mine", "emptyDir": {}}]}


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = {"running": {}}


def decided(
    owner: BuildRecord,
    job: BuildJob | None = None,
    pod: BuildPod | None = None,
    may_start: bool = True,
    progress: str = "",
    now: datetime = NOW,
    **known: Any,
) -> BuildDecision:
    jobs, pods = ((job,) if job else ()), ((pod,) if pod else ())
    return decide(BuildSnapshot(owner, jobs, pods, may_start, now, progress, **known), SETTINGS)


def building(attempts: int = 1, **status: Any) -> BuildRecord:
    return build(phase="Building", attempts=attempts, startedAt="2026-01-01T11:00:00Z", **status)


class TestStart:
    def test_is_at_once_where_there_is_room(self) -> None:
        decision = decided(build())
        assert (decision.action, decision.status.phase, decision.status.attempts) == ("start", "Building", 1)

    def test_waits_for_its_turn(self) -> None:
        decision = decided(build(), may_start=False)
        assert (decision.action, decision.status) == ("none", BuildStatus(phase="Queued"))
        assert decision.again is None, "it is told when its turn comes"

    def test_counts_the_tries_before(self) -> None:
        failed = build(phase="Failed", attempts=3, nextAttemptAt="2026-01-01T11:59:59Z", failure={"reason": "Evicted"})
        assert decided(failed).status.attempts == 4

    def test_of_a_further_try_waits_until_it_is_due(self) -> None:
        failed = build(phase="Failed", attempts=3, nextAttemptAt="2026-01-01T12:00:30Z")
        decision = decided(failed)
        assert (decision.action, decision.again, decision.status) == ("none", 30.0, failed.status)

    def test_does_not_come_where_another_try_cannot_help(self) -> None:
        failed = build(phase="Failed", attempts=1)
        assert decided(failed) == BuildDecision(failed.status)

    def test_comes_again_for_a_lost_image_and_keeps_what_the_first_knew(self) -> None:
        done = build(asked="x", phase="Succeeded", attempts=1, baseDigest="sha256:b", image="i")
        decision = decided(done)
        assert (decision.action, decision.status.attempts, decision.status.rerun) == ("start", 2, "x")
        assert decision.status.base_digest == "sha256:b"

    def test_comes_once_for_a_lost_image(self) -> None:
        done = build(asked="x", phase="Succeeded", attempts=2, rerun="x")
        assert decided(done).action == "none"


class TestLock:
    @pytest.mark.parametrize(("missing", "action"), [(True, "restore"), (False, "none")])
    def test_that_is_gone_is_restored(self, missing: bool, action: str) -> None:
        done = build(phase="Succeeded", attempts=1)
        decision = decided(done, lock_missing=missing)
        assert (decision.action, decision.status) == (action, done.status)

    def test_is_not_restored_by_an_image_that_is_made_again(self) -> None:
        assert decided(build(asked="x", phase="Succeeded", attempts=1), lock_missing=True).action == "start"


class TestWithoutAPod:
    """What never comes to run gives its place to others, and says why."""

    def late(self, seconds: int, **status: Any) -> BuildRecord:
        began = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return build(phase="Building", attempts=1, startedAt=began, **{"step": "starting", **status})

    def test_for_a_minute_is_no_failure(self) -> None:
        owner = self.late(59)
        assert decided(owner, job_of(owner)).status == owner.status

    def test_ends_the_try_and_its_job_and_is_tried_again(self) -> None:
        owner, words = self.late(60), "pods is forbidden: exceeded quota: small"
        job = job_of(owner)
        decision = decided(owner, job, refusal=words)
        assert (decision.action, decision.job, decision.again) == ("stop", job, 10.0)
        assert decision.status.failure.reason == "PodsRefused"
        assert words in decision.status.failure.message
        assert decision.status.next_attempt_at is not None

    def test_says_where_to_look_if_nothing_says_why(self) -> None:
        owner = self.late(60)
        assert "events of its Job" in decided(owner, job_of(owner)).status.failure.message

    def test_that_it_had_before_waits_for_what_its_job_says(self) -> None:
        """A pod that was deleted or evicted is gone for a moment before its Job has failed."""
        owner = self.late(600, step="installing 3 of 9")
        assert decided(owner, job_of(owner)).status == owner.status

    @pytest.mark.parametrize(
        ("seconds", "contended", "ends"), [(59, True, False), (60, True, True), (599, False, False), (600, False, True)]
    )
    def test_that_a_node_takes_lets_others_go_first(self, seconds: int, contended: bool, ends: bool) -> None:
        """A node may be on its way; that matters less than who could run now."""
        owner = self.late(seconds)
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
        pod = pod_of(owner, job_of(owner), "Pending", status={"conditions": [condition]})
        decision = decided(owner, job_of(owner), pod, contended=contended)
        assert (decision.action == "stop") is ends
        failure = decision.status.failure
        assert (failure and (failure.reason, failure.retry)) == (("Unschedulable", True) if ends else None)
        assert "no cpu" in (failure.message if failure else decision.status.step or "")

    @pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
    def test_whose_programs_can_be_pulled_says_whose_image_it_is(self, reason: str) -> None:
        owner = self.late(61)
        waiting = {"waiting": {"reason": reason, "message": "401 Unauthorized"}}
        decision = decided(owner, job_of(owner), pod_of(owner, job_of(owner), "Pending", prepare=waiting))
        failure = decision.status.failure
        assert (decision.action, failure.reason, failure.step, failure.retry) == (
            "stop",
            "ImagePullFailed",
            "prepare",
            True,
        )
        assert f"operator's image {SETTINGS.images.operator}" in failure.message
        assert "spec.build.pullSecretRef" in failure.hint

    def test_whose_programs_are_still_pulled_goes_on(self) -> None:
        owner = self.late(61)
        waiting = {"waiting": {"reason": "PodInitializing", "message": ""}}
        pod = pod_of(owner, job_of(owner), "Pending", prepare=waiting)
        assert decided(owner, job_of(owner), pod).status.phase == "Building"


class TestRunning:
    @pytest.mark.parametrize(
        ("states", "step"),
        [
            ({}, "starting"),
            ({"prepare": RUNNING}, "preparing"),
            ({"prepare": ended(), "index": RUNNING, "install": RUNNING}, "installing"),
            ({"prepare": ended(), "index": RUNNING, "install": ended(), "push": RUNNING}, "pushing"),
            ({"prepare": ended(), "index": ended(), "install": ended(), "push": ended(1)}, "finishing"),
            ({"install": {"waiting": {"reason": "ContainerCreating"}}}, "waiting: ContainerCreating"),
            ({"index": {"waiting": {"reason": "ImagePullBackOff"}}}, "ImagePullBackOff of registry.example/operator:1"),
        ],
    )
    def test_tells_its_step_from_the_pod(self, states: dict[str, Any], step: str) -> None:
        job = job_of(building())
        soon = datetime(2026, 1, 1, 11, 0, 30, tzinfo=UTC)
        decision = decided(building(), job, pod_of(building(), job, "Running", **states), now=soon)
        assert (decision.status.phase, decision.status.step) == ("Building", step)
        assert decision.again is not None

    def test_tells_the_progress_of_the_container_that_works(self) -> None:
        job = job_of(building())
        pod = pod_of(building(), job, "Running", install=RUNNING)
        assert decided(building(), job, pod, progress="installing 3 of 9").status.step == "installing 3 of 9"

    def test_tells_that_no_node_takes_the_pod(self) -> None:
        job = job_of(building())
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
        pod = pod_of(building(), job, "Pending", status={"conditions": [condition]})
        soon = datetime(2026, 1, 1, 11, 0, 30, tzinfo=UTC)
        assert decided(building(), job, pod, now=soon).status.step == "waiting for a node: no cpu"

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ("registry.example/starter:1: not found", "BaseNotFound"),
            ("failed to authorize: 401 Unauthorized", "RegistryUnauthorized"),
        ],
    )
    def test_ends_where_the_base_can_never_be_pulled(self, message: str, reason: str) -> None:
        job = job_of(building())
        waiting = {"waiting": {"reason": "ErrImagePull", "message": message}}
        decision = decided(building(), job, pod_of(building(), job, "Pending", install=waiting))
        assert (decision.action, decision.job, decision.status.failure.reason) == ("stop", job, reason)

    def test_goes_on_where_a_pull_may_still_succeed(self) -> None:
        job = job_of(building())
        waiting = {"waiting": {"reason": "ErrImagePull", "message": "connection reset by peer"}}
        decision = decided(building(), job, pod_of(building(), job, "Pending", install=waiting))
        assert decision.status.phase == "Building"


class TestInterrupted:
    def test_by_the_deletion_of_its_job_is_tried_again(self) -> None:
        decision = decided(building())
        assert decision.status.failure.reason == "Evicted"
        assert decision.status.next_attempt_at == "2026-01-01T12:00:10Z"

    def test_by_the_deletion_of_its_pod_is_tried_again(self) -> None:
        decision = decided(building(), job_of(building(), ended=("Failed", "BackoffLimitExceeded")))
        assert (decision.status.failure.reason, decision.again) == ("Evicted", 10.0)

    def test_by_an_eviction_is_tried_again(self) -> None:
        job = job_of(building(), ended=("Failed", "BackoffLimitExceeded"))
        pod = pod_of(building(), job, "Failed", status={"reason": "Evicted", "message": "node is low on memory"})
        failure = decided(building(), job, pod).status.failure
        assert (failure.reason, failure.retry) == ("Evicted", True)

    def test_waits_for_the_pods_own_end_where_the_jobs_is_known_first(self) -> None:
        job = job_of(building(), ended=("Complete", ""))
        decision = decided(building(), job, pod_of(building(), job, "Running", push=RUNNING))
        assert (decision.action, decision.status) == ("none", building().status)
        assert decision.again is not None

    @pytest.mark.parametrize(
        ("failures", "delay"), [(1, 10), (2, 20), (3, 40), (7, 600), (9, 600), (10, 5400), (99, 5400)]
    )
    def test_waits_longer_each_time(self, failures: int, delay: int) -> None:
        assert retry_delay(failures) == delay

    def test_counts_the_tries_that_failed_in_a_row_and_not_those_before(self) -> None:
        """A build whose image was made again many times is no build that fails."""
        decision = decided(building(attempts=30, failures=1, failingSince="2026-01-01T10:00:00Z"))
        assert decision.again == 20.0
        assert (decision.status.failures, decision.status.failing_since) == (2, "2026-01-01T10:00:00Z")

    def test_remembers_since_when_it_fails_while_it_waits_and_runs(self) -> None:
        failed = decided(building()).status
        assert (failed.failures, failed.failing_since) == (1, "2026-01-01T12:00:00Z")
        later = NOW + timedelta(minutes=1)
        waits = decided(build(**failed.to_wire()), may_start=False, now=later).status
        runs = decided(build(**waits.to_wire()), now=later).status
        assert (waits.phase, runs.phase) == ("Queued", "Building")
        assert {(one.failures, one.failing_since) for one in (waits, runs)} == {(1, "2026-01-01T12:00:00Z")}


class TestFailed:
    def test_by_its_deadline_says_in_which_step(self) -> None:
        job = job_of(building(), ended=("Failed", "DeadlineExceeded"))
        decision = decided(building(), job, pod_of(building(), job, "Running", install=RUNNING))
        failure = decision.status.failure
        assert (failure.reason, failure.step) == ("TimedOut", "install")
        assert decision.status.next_attempt_at is None

    def test_by_its_deadline_says_what_it_did_last_though_its_pod_is_gone(self) -> None:
        """A Job deletes its pods before it is called failed."""
        owner = building(step="installing 3 of 26")
        decision = decided(owner, job_of(owner, ended=("Failed", "DeadlineExceeded")))
        assert decision.status.failure.message == "the build took too long; it was installing 3 of 26"

    def test_by_its_deadline_is_still_remembered_where_its_pod_goes_first(self) -> None:
        owner = building(step="reading specs")
        job = job_of(owner)
        going = pod_of(owner, job, "Running", install=ended(143, reason="Error"), deleting=True)
        assert decided(owner, job, going).status.step == "reading specs"

    def test_by_its_memory_limit_says_what_to_raise(self) -> None:
        job = job_of(building(), ended=("Failed", "BackoffLimitExceeded"))
        pod = pod_of(building(), job, "Failed", install=ended(137, reason="OOMKilled"))
        failure = decided(building(), job, pod).status.failure
        assert (failure.reason, failure.step) == ("OutOfMemory", "install")
        assert "spec.build.resources.limits.memory" in failure.hint


class TestTampered:
    def test_pod_ends_the_try_and_its_job(self) -> None:
        job = job_of(building())
        pod = pod_of(building(), job, "Running", images={"push": "evil.example/push:1"}, push=RUNNING)
        decision = decided(building(), job, pod)
        assert (decision.action, decision.status.failure.reason) == ("stop", "Tampered")

    def test_pod_that_claims_success_is_not_believed(self) -> None:
        job = job_of(building(), ended=("Complete", ""))
        pod = pod_of(building(), job, images={"install": "evil.example/base:1"}, push=ended(message=last_words()))
        assert decided(building(), job, pod).status.failure.reason == "Tampered"

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_pod_with_the_right_images_that_does_something_else_is_not_believed(self, change: dict[str, Any]) -> None:
        """A Job's controller adopts a pod that was let go of, if its selector matches: who made it made it do this."""
        job = job_of(building(), ended=("Complete", ""))
        pod = pod_of(building(), job, install=ended(), push=ended(message=last_words()), spec=changed_spec(change))
        failure = decided(building(), job, pod).status.failure
        assert (failure.reason, failure.retry) == ("Tampered", False)
        assert "admission webhook" in failure.hint

    def test_two_pods_of_one_job_are_one_too_many(self) -> None:
        job = job_of(building())
        states = {"install": ended(), "push": ended(message=last_words())}
        pods = tuple(pod_of(building(), job, name=name, **states) for name in ("x", "y"))
        decision = decide(BuildSnapshot(building(), (job,), pods, True, NOW), SETTINGS)
        assert (decision.action, decision.status.failure.reason, decision.status.failure.retry) == (
            "stop",
            "Evicted",
            True,
        )

    def test_a_pod_that_goes_does_not_count_beside_the_one_that_stays(self) -> None:
        job = job_of(building())
        going = pod_of(building(), job, name="x", deleting=True, push=ended(1))
        stays = pod_of(building(), job, name="y", install=ended(), push=ended(message=last_words()))
        assert decide(BuildSnapshot(building(), (job,), (going, stays), True, NOW), SETTINGS).action == "collect"

    def test_job_of_somebody_else_is_not_the_builds(self) -> None:
        job = job_of(building(), ownerReferences=[{"uid": "other", "controller": True}])
        assert decided(building(), job).status.failure.reason == "Evicted"

    def test_programs_of_an_earlier_operator_are_run_again(self) -> None:
        job = job_of(building())
        old = dict.fromkeys(("prepare", "index", "push"), "registry.example/operator:0")
        failure = decided(building(), job, pod_of(building(), job, "Running", images=old)).status.failure
        assert (failure.reason, failure.retry) == ("Evicted", True)


class TestComplete:
    def finished(self, owner: BuildRecord, message: str, **states: Any) -> BuildDecision:
        job = job_of(owner, ended=("Complete", ""))
        return decided(owner, job, pod_of(owner, job, install=ended(), push=ended(message=message), **states))

    def test_collects_its_result(self) -> None:
        decision = self.finished(building(), last_words())
        assert decision.action == "collect"
        assert ((decision.message and decision.message.image) or "").startswith("registry.example/bot@sha256:")

    def test_does_not_wait_for_the_end_of_its_sidecar_and_job(self) -> None:
        job = job_of(building())
        states = {"index": RUNNING, "install": ended(), "push": ended(message=last_words())}
        assert decided(building(), job, pod_of(building(), job, "Running", **states)).action == "collect"

    def test_before_its_deadline_counts_though_its_sidecar_ran_into_it(self) -> None:
        job = job_of(building(), ended=("Failed", "DeadlineExceeded"))
        pod = pod_of(building(), job, "Failed", install=ended(), push=ended(message=last_words()))
        assert decided(building(), job, pod).action == "collect"

    @pytest.mark.parametrize(
        "message",
        ["", "done", "{}", last_words(image="elsewhere.example/bot@sha256:" + "c" * 64), last_words(record="x")],
    )
    def test_without_the_words_of_a_push_is_tried_again(self, message: str) -> None:
        decision = self.finished(building(), message)
        assert (decision.status.phase, decision.status.failure.reason) == ("Failed", "LockLost")
        assert decision.status.next_attempt_at is not None

    def test_on_another_base_than_the_node_ran_is_tried_again(self) -> None:
        decision = self.finished(building(), last_words(base="sha256:" + "e" * 64))
        assert "moved" in decision.status.failure.message
        assert decision.again is not None

    def test_of_pods_that_install_at_start_names_no_image(self) -> None:
        inputs = {**INPUTS, "repository": None}
        owner = build({"strategy": "Start", "inputs": inputs}, phase="Building", attempts=1)
        assert self.finished(owner, last_words(image=None)).action == "collect"


STATES = st.sampled_from(
    [RUNNING, ended(), ended(1, "x"), ended(137, reason="OOMKilled"), {"waiting": {"reason": "a"}}]
)
PODS = st.fixed_dictionaries(
    {"phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])},
    optional={
        "install": STATES,
        "push": STATES | st.text().map(lambda text: ended(message=text)),
        "deleting": st.just(1),
    },
)
ENDS = st.none() | st.sampled_from(
    [("Complete", ""), ("Failed", "DeadlineExceeded"), ("Failed", "BackoffLimitExceeded")]
)


@given(st.lists(st.tuples(ENDS, st.none() | PODS, st.booleans(), st.integers(0, 700)), max_size=6))
def test_nothing_that_is_seen_makes_a_status_that_the_schema_refuses_or_a_success_without_a_push(
    seen: list[tuple[Any, Any, bool, int]],
) -> None:
    owner, now = build(), NOW
    for end, states, may_start, passed in seen:
        now += timedelta(seconds=passed)
        attempts = owner.status.attempts or 0
        job = job_of(owner, attempts, end) if attempts else None
        pod = pod_of(owner, job, **states) if job and states else None
        decision = decided(owner, job, pod, may_start, now=now)
        LlamaStackBuildStatus.model_validate(decision.status.to_wire())
        assert decision.status.phase != "Succeeded"
        assert decision.action != "collect"
        owner = build(**decision.status.to_wire())
