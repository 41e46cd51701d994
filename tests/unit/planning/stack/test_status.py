"""The status of a stack: honest in every state, and as kubectl wait and kstatus read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.conditions import MESSAGE_LIMIT
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.api.status import FINDINGS_LIMIT, LlamaStackStatus
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from llamastack_operator.objects.resources import SERVICES
from llamastack_operator.planning.stack.plan import findings_of
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import PassOutcome, cut, is_ready, status_of
from llamastack_resolver.findings import Finding, Reason, Severity
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.reasons import ConfigReason
from tests.e2e.kstatus import kstatus
from tests.support.world import (
    child,
    complete,
    crashed,
    deployment,
    llamastack,
    pod,
    snapshot,
    succeeded,
)

NOW = "2026-01-02T00:00:00Z"
EARLIER = "2026-01-01T00:00:00Z"


def told(seen: Snapshot, outcome: PassOutcome | None = None) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    status = status_of(seen, outcome or PassOutcome(), NOW)
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}


def message(seen: Snapshot, kind: str, outcome: PassOutcome | None = None) -> str:
    status = status_of(seen, outcome or PassOutcome(), NOW)
    return next(entry["message"] for entry in status["conditions"] if entry["type"] == kind)


def health(seen: Snapshot, outcome: PassOutcome | None = None) -> str:
    generation = seen.stack.generation
    return kstatus({"metadata": {"generation": generation}, "status": status_of(seen, outcome or PassOutcome(), NOW)})


def error(reason: Reason, text: str = "something is wrong") -> Finding:
    return Finding(Severity.ERROR, reason, text, "spec.server", hint="mend it")


def test_all_conditions_are_there_from_the_first_pass() -> None:
    conditions = told(snapshot(llamastack()))
    assert list(conditions) == ["Ready", "ConfigValid", "ImageReady", "Available", "Reconciling", "Stalled"]
    assert conditions["Ready"] == ("False", "Progressing")
    assert health(snapshot(llamastack())) == "InProgress"


def test_how_many_pods_are_available_is_told() -> None:
    assert message(snapshot(llamastack()), "Available") == "no pod exists yet"
    seen = snapshot(llamastack(), deployment(wanted=3, available=2), pod(ready=True))
    assert message(seen, "Available") == "2 of 3 pods are available"
    assert message(snapshot(llamastack(), deployment(), pod(ready=True)), "Ready") == "1 of 1 pods are available"


def test_a_rollout_on_its_way_is_reconciling() -> None:
    seen = snapshot(llamastack(), deployment(wanted=2, updated=1, available=1), pod())
    assert told(seen)["Ready"] == ("False", "Progressing")
    assert told(seen)["Available"] == ("True", "SomeReplicasAvailable")
    assert health(seen) == "InProgress"


def test_a_stack_whose_pods_all_serve_the_newest_generation_is_ready() -> None:
    seen = snapshot(llamastack(), deployment(wanted=2), pod(ready=True))
    conditions = told(seen)
    assert conditions["Ready"] == ("True", "Ready")
    assert conditions["Available"] == ("True", "AllReplicasAvailable")
    assert conditions["Reconciling"][0] == conditions["Stalled"][0] == "False"
    assert health(seen) == "Current"


def test_counts_of_an_older_generation_do_not_make_a_stack_ready() -> None:
    assert told(snapshot(llamastack(), deployment(observed=3)))["Ready"] == ("False", "Progressing")


def test_a_stack_is_not_ready_before_all_its_objects_are_in_place() -> None:
    seen = snapshot(llamastack(), deployment(), pod(ready=True))
    assert told(seen, PassOutcome(applied=False))["Ready"][0] == "False"


class TestBrokenRollout:
    seen = snapshot(
        llamastack(),
        deployment(wanted=2, updated=1, available=2, replicas=3),
        pod("bot-old-1", revision="old", ready=True),
        pod("bot-old-2", revision="old", ready=True),
        pod("bot-new-1", container=crashed(restarts=3)),
    )

    def test_the_old_pods_count_as_available(self) -> None:
        assert told(self.seen)["Available"] == ("True", "OldRevisionServes")
        assert told(self.seen)["Ready"] == ("False", "CrashLooping")

    @pytest.mark.parametrize("word", ["bot-new-1", "container server", "exit code 1", "3 restarts"])
    def test_the_message_names_pod_container_exit_code_and_restarts(self, word: str) -> None:
        assert word in message(self.seen, "Available")
        assert word in message(self.seen, "Ready")

    def test_it_is_in_progress_until_its_deadline(self) -> None:
        assert health(self.seen) == "InProgress"

    def test_after_the_deadline_it_has_failed(self) -> None:
        late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
        members = (deployment(wanted=1, updated=1, available=0, conditions=(late,)), pod(container=crashed()))
        seen = snapshot(llamastack(), *members)
        assert told(seen)["Ready"] == ("False", "RolloutTimedOut")
        assert told(seen)["Stalled"] == ("True", "RolloutTimedOut")
        assert told(seen)["Reconciling"][0] == "False"
        assert health(seen) == "Failed"


class TestErrors:
    serving = (deployment(), pod(ready=True))

    def test_a_missing_reference_is_waited_for(self) -> None:
        outcome = PassOutcome([error(ConfigReason.MISSING_REFERENCE)], applied=False)
        conditions = told(snapshot(llamastack(), *self.serving), outcome)
        assert conditions["ConfigValid"] == ("False", "MissingReference")
        assert conditions["Reconciling"][0] == "True"
        assert conditions["Stalled"][0] == "False"
        assert conditions["Available"][0] == "True", "what runs serves on"

    @pytest.mark.parametrize(
        "reason",
        [StackReason.INVALID_SPEC, ConfigReason.INVALID_RUN_CONFIG, StackReason.CLAIM_EXISTS, ApplyReason.REJECTED],
    )
    def test_what_only_an_edit_can_mend_is_stalled(self, reason: Reason) -> None:
        outcome = PassOutcome([error(reason)], applied=False)
        seen = snapshot(llamastack(), *self.serving)
        assert told(seen, outcome)["Ready"] == ("False", reason)
        assert told(seen, outcome)["Stalled"] == ("True", reason)
        assert health(seen, outcome) == "Failed"

    def test_a_refused_object_does_not_make_the_config_invalid(self) -> None:
        outcome = PassOutcome([error(ApplyReason.REJECTED)], applied=False)
        assert told(snapshot(llamastack()), outcome)["ConfigValid"] == ("True", "Valid")

    def test_a_passing_error_beside_a_lasting_one_is_stalled(self) -> None:
        findings = [error(ConfigReason.MISSING_REFERENCE), error(ConfigReason.INVALID_RUN_CONFIG)]
        assert told(snapshot(llamastack()), PassOutcome(findings, applied=False))["Stalled"][0] == "True"

    def test_warnings_stop_nothing(self) -> None:
        warning = Finding(Severity.WARNING, ConfigReason.UNKNOWN_FIELD, "odd", "spec.runConfig.x", hint="remove it")
        seen = snapshot(llamastack(), *self.serving)
        assert told(seen, PassOutcome([warning]))["Ready"] == ("True", "Ready")

    def test_a_finding_has_the_shape_of_the_api_and_plain_text(self) -> None:
        outcome = PassOutcome([error(ConfigReason.INVALID_RUN_CONFIG)], applied=False)
        status = status_of(snapshot(llamastack()), outcome, NOW)
        assert status["findings"] == [
            {
                "severity": "error",
                "reason": "InvalidRunConfig",
                "message": "something is wrong",
                "path": "spec.server",
                "hint": "mend it",
            }
        ]
        assert all(type(value) is str for value in status["findings"][0].values())
        assert yaml.safe_load(yaml.safe_dump(status)) == status

    def test_findings_are_bounded_and_the_rest_is_counted(self) -> None:
        findings = [
            error(ConfigReason.INVALID_RUN_CONFIG, f"number {n} " + "x" * 1000) for n in range(FINDINGS_LIMIT + 5)
        ]
        status = status_of(snapshot(llamastack()), PassOutcome(findings, applied=False), NOW)
        assert len(status["findings"]) == FINDINGS_LIMIT
        assert status["omittedFindings"] == 5
        assert all(len(finding["message"]) <= MESSAGE_LIMIT for finding in status["findings"])
        assert all(len(entry["message"]) <= MESSAGE_LIMIT for entry in status["conditions"])
        assert "36 more in status.findings" in message(
            snapshot(llamastack()), "Ready", PassOutcome([error(StackReason.INVALID_SPEC)] * 37, applied=False)
        )


class TestScale:
    @pytest.mark.parametrize("spec", [{"suspend": True}, {"server": {"replicas": 0}}])
    def test_a_stack_that_is_to_run_no_pod_is_as_it_should_be(self, spec: dict[str, Any]) -> None:
        seen = snapshot(llamastack(**spec), deployment(wanted=0))
        assert told(seen)["Ready"] == ("True", "Suspended")
        assert told(seen)["Available"] == ("False", "Suspended")
        assert health(seen) == "Current"

    def test_a_stack_whose_last_pods_are_going_is_not_suspended_yet(self) -> None:
        seen = snapshot(llamastack(suspend=True), deployment(wanted=0, replicas=1))
        assert told(seen)["Ready"][0] == "False"

    def test_an_autoscaler_that_adds_pods_leaves_a_stack_ready(self) -> None:
        body = llamastack(server={"autoscaling": {"minReplicas": 2, "maxReplicas": 9}})
        seen = snapshot(body, deployment(wanted=6, available=3, replicas=6, updated=6), pod(ready=True))
        assert told(seen)["Ready"] == ("True", "Ready")

    @pytest.mark.parametrize(("least", "available", "ready"), [(2, 2, "True"), (2, 1, "False"), (None, 1, "True")])
    def test_the_autoscalers_least_is_enough(self, least: int | None, available: int, ready: str) -> None:
        body = llamastack(server={"autoscaling": {"minReplicas": least, "maxReplicas": 9}})
        seen = snapshot(body, deployment(wanted=6, available=available, replicas=6, updated=6), pod(ready=True))
        assert told(seen)["Ready"][0] == ready

    def test_an_autoscaled_stack_that_is_suspended_is_not_ready_before_its_pods_are_gone(self) -> None:
        body = llamastack(suspend=True, server={"autoscaling": {"maxReplicas": 9}})
        assert told(snapshot(body, deployment(wanted=0, available=2, replicas=2, updated=2)))["Ready"][0] == "False"
        assert told(snapshot(body, deployment(wanted=0)))["Ready"] == ("True", "Suspended")

    def test_an_autoscaled_stack_with_pods_of_an_older_revision_is_not_ready(self) -> None:
        body = llamastack(server={"autoscaling": {"maxReplicas": 9}})
        assert told(snapshot(body, deployment(wanted=3, updated=2)))["Ready"][0] == "False"
        assert told(snapshot(body, deployment(wanted=3, observed=3)))["Ready"][0] == "False"

    def test_fewer_pods_than_the_autoscalers_least_are_not_ready(self) -> None:
        body = llamastack(server={"autoscaling": {"minReplicas": 4, "maxReplicas": 9}})
        seen = snapshot(body, deployment(wanted=6, available=3, replicas=6, updated=6))
        assert told(seen)["Ready"][0] == "False"


class TestTransitionTimes:
    def condition(self, status: str) -> dict[str, Any]:
        known = {"type": "Ready", "reason": "Old", "message": "", "observedGeneration": 1}
        return {"conditions": [{**known, "status": status, "lastTransitionTime": EARLIER}]}

    def since(self, status: str) -> str:
        seen = snapshot(llamastack(status=self.condition(status)), deployment(), pod(ready=True))
        (ready,) = [entry for entry in status_of(seen, PassOutcome(), NOW)["conditions"] if entry["type"] == "Ready"]
        return str(ready["lastTransitionTime"])

    def test_a_new_reason_with_the_same_status_keeps_the_time(self) -> None:
        assert self.since("True") == EARLIER

    def test_a_new_status_gets_a_new_time(self) -> None:
        assert self.since("False") == NOW

    def test_a_second_look_at_the_same_state_changes_nothing(self) -> None:
        seen = snapshot(llamastack(), deployment(), pod(ready=True))
        first = status_of(seen, PassOutcome(), EARLIER)
        again = snapshot(llamastack(status=first), deployment(), pod(ready=True))
        assert status_of(again, PassOutcome(), NOW) == first


def test_the_image_is_that_of_the_newest_serving_pod_by_digest() -> None:
    old = pod("a", revision="old", ready=True, container={"imageID": "docker.io/a@sha256:1"}, created=EARLIER)
    new = pod("b", ready=True, container={"imageID": "docker.io/a@sha256:2"}, created=NOW)
    starting = pod("c", container={"imageID": "docker.io/a@sha256:3"}, created=NOW)
    assert status_of(snapshot(llamastack(), deployment(), old, new, starting), PassOutcome(), NOW)["image"].endswith(
        ":2"
    )


def test_the_address_is_told_once_there_is_a_service() -> None:
    service = child(SERVICES, spec={"clusterIP": "10.96.0.9"})
    body = llamastack(server={"port": 9000})
    assert "url" not in status_of(snapshot(body), PassOutcome(), NOW)
    assert status_of(snapshot(body, service), PassOutcome(), NOW)["url"] == "http://bot.team-a.svc:9000"


def test_pods_that_cannot_be_made_are_told_in_the_deployments_words() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}
    seen = snapshot(llamastack(), deployment(available=0, replicas=0, updated=0, conditions=(refused,)))
    assert told(seen)["Ready"] == ("False", "PodsRefused")
    assert "exceeded quota: small" in message(seen, "Ready")


class TestRelease:
    """The version that the server told; asked for once for each rollout, so most passes know it from the status."""

    seen = snapshot(llamastack(status={"release": "0.7.2"}), deployment(), pod(ready=True))

    def release(self, outcome: PassOutcome) -> str | None:
        return status_of(self.seen, outcome, NOW).get("release")

    def test_stays_where_nobody_asked(self) -> None:
        assert self.release(PassOutcome()) == "0.7.2"

    def test_is_what_the_server_answers(self) -> None:
        assert self.release(PassOutcome(asked=True, release="0.7.3")) == "0.7.3"

    def test_is_not_told_where_the_server_does_not_tell(self) -> None:
        assert self.release(PassOutcome(asked=True)) is None


class TestApplying:
    """What becomes of errors of the API server, which speak of one object each."""

    def test_an_error_that_may_pass_is_reconciling(self) -> None:
        outcome = PassOutcome([error(ApplyReason.APPLY_FAILED)], applied=False)
        conditions = told(snapshot(llamastack(), deployment()), outcome)
        assert conditions["Ready"] == ("False", "ApplyFailed")
        assert conditions["ConfigValid"] == ("True", "Valid")
        assert conditions["Reconciling"] == ("True", "ApplyFailed")
        assert health(snapshot(llamastack()), outcome) == "InProgress"

    def test_a_name_that_is_taken_is_stalled(self) -> None:
        outcome = PassOutcome([error(ApplyReason.NAME_CONFLICT)], applied=False)
        assert told(snapshot(llamastack()), outcome)["Stalled"] == ("True", "NameConflict")
        assert health(snapshot(llamastack()), outcome) == "Failed"

    def test_a_missing_reference_is_in_progress_as_it_may_arrive(self) -> None:
        assert (
            health(snapshot(llamastack()), PassOutcome([error(ConfigReason.MISSING_REFERENCE)], applied=False))
            == "InProgress"
        )


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    status = status_of(snapshot(llamastack(generation=7), deployment()), PassOutcome(), NOW)
    assert status["observedGeneration"] == 7
    assert {entry["observedGeneration"] for entry in status["conditions"]} == {7}


def test_a_status_of_an_earlier_generation_is_in_progress_whatever_it_says() -> None:
    ready = status_of(snapshot(llamastack(generation=2), deployment(), pod(ready=True)), PassOutcome(), NOW)
    assert kstatus({"metadata": {"generation": 2}, "status": ready}) == "Current"
    assert kstatus({"metadata": {"generation": 3}, "status": ready}) == "InProgress"


def test_trouble_of_old_pods_does_not_hide_that_new_ones_start() -> None:
    starting = deployment(wanted=1, updated=1, available=0, replicas=2)
    seen = snapshot(llamastack(), starting, pod("old", revision="old", container=crashed()), pod("new"))
    assert told(seen)["Ready"] == ("False", "Progressing")


def test_a_pod_that_dies_makes_a_ready_stack_reconciling_again() -> None:
    seen = snapshot(llamastack(), deployment(available=0), pod(container=crashed()))
    assert told(seen)["Ready"] == ("False", "CrashLooping")
    assert told(seen)["Available"] == ("False", "CrashLooping")
    assert told(seen)["Reconciling"] == ("True", "CrashLooping")
    assert health(seen) == "InProgress"


def test_a_rollout_that_timed_out_before_the_newest_edit_was_seen_does_not_count() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
    seen = snapshot(llamastack(), deployment(available=0, observed=3, conditions=(late,)))
    assert told(seen)["Stalled"][0] == "False"


def test_counts_and_the_selector_serve_the_scale_subresource() -> None:
    status = status_of(snapshot(llamastack(), deployment(wanted=3, available=2)), PassOutcome(), NOW)
    assert (status["replicas"], status["readyReplicas"]) == (3, 2)
    assert status["selector"] == "llamastack.dev/stack=bot,app.kubernetes.io/name=llamastack"
    assert status_of(snapshot(llamastack()), PassOutcome(), NOW)["replicas"] == 0


MODULE = "my_provider==1.0"
FAILURE = {"reason": "ModuleImportFailed", "message": "it cannot be imported", "hint": "ask its author"}
SERVING = (deployment(), pod(ready=True))


def with_module(**status: Any) -> dict[str, Any]:
    """Return a stack that needs a build; the arguments are its status."""
    entry = {"provider_id": "mine", "provider_type": "remote::mine", "module": MODULE}
    other = {"provider_id": "a", "provider_type": "remote::vllm"}
    run_config = {"providers": {"safety": [entry], "inference": [other]}}
    return llamastack(status=status, runConfig=run_config, build={"repository": "registry.example/team/bot"})


def building(*members: Child | Pod, body: dict[str, Any] | None = None, **status: Any) -> Snapshot:
    """Return a snapshot whose build stands with this status; it is not there where none is given."""
    seen = snapshot(body or with_module(), *members)
    assert seen.image is not None
    (wish,) = seen.image.wishes
    return complete(seen, succeeded(wish.name, wish.spec, **status)) if status else seen


class TestImage:
    """What the conditions say of the image, in every state of its build."""

    @pytest.mark.parametrize(
        ("status", "reason"),
        [({}, "Queued"), ({"phase": "Queued"}, "Queued"), ({"phase": "Building", "step": "pushing"}, "Building")],
    )
    def test_that_is_being_built_is_waited_for(self, status: dict[str, Any], reason: str) -> None:
        seen = building(**status)
        conditions = told(seen)
        assert conditions["ImageReady"] == conditions["Ready"] == ("False", reason)
        assert conditions["Reconciling"] == ("True", reason)
        assert conditions["Stalled"][0] == "False"
        assert conditions["ConfigValid"] == ("True", "Valid")
        assert health(seen) == "InProgress"
        assert "findings" not in status_of(seen, PassOutcome(), NOW)

    def test_that_is_being_built_tells_how_far_it_is(self) -> None:
        seen = building(phase="Building", step="installing 3 of 17")
        assert message(seen, "ImageReady").startswith("installing 3 of 17 (build modules-")

    def test_whose_build_is_tried_again_is_waited_for(self) -> None:
        seen = building(phase="Failed", failure=FAILURE, attempts=1, nextAttemptAt=NOW)
        conditions = told(seen)
        assert conditions["ImageReady"] == conditions["Ready"] == ("False", "ModuleImportFailed")
        assert conditions["Reconciling"] == ("True", "ModuleImportFailed")
        assert conditions["Stalled"][0] == "False"
        assert health(seen) == "InProgress"

    def test_whose_build_failed_for_good_is_stalled(self) -> None:
        seen = building(phase="Failed", failure=FAILURE, attempts=1)
        conditions = told(seen)
        assert conditions["ImageReady"] == conditions["Ready"] == ("False", "ModuleImportFailed")
        assert conditions["Stalled"] == ("True", "ModuleImportFailed")
        assert conditions["Reconciling"][0] == "False"
        assert health(seen) == "Failed"

    @pytest.mark.parametrize("retry", [{}, {"nextAttemptAt": NOW}])
    def test_whose_build_failed_is_a_finding_with_its_cure(self, retry: dict[str, Any]) -> None:
        seen = building(phase="Failed", failure=FAILURE, attempts=1, **retry)
        (finding,) = status_of(seen, PassOutcome(), NOW)["findings"]
        assert (finding["severity"], finding["reason"]) == ("error", "ModuleImportFailed")
        assert (finding["path"], finding["hint"]) == ("spec.build", "ask its author")
        assert "it cannot be imported" in finding["message"]

    def test_without_a_hint_of_its_own_has_the_cure_of_its_reason(self) -> None:
        seen = building(phase="Failed", failure={**FAILURE, "hint": ""})
        (finding,) = status_of(seen, PassOutcome(), NOW)["findings"]
        assert finding["hint"] == ModuleReason.MODULE_IMPORT_FAILED.declaration.cure

    @pytest.mark.parametrize("status", [{"phase": "Building"}, {"phase": "Failed", "failure": FAILURE}])
    def test_that_is_not_there_takes_nothing_from_what_serves(self, status: dict[str, Any]) -> None:
        conditions = told(building(*SERVING, **status))
        assert conditions["Available"] == ("True", "AllReplicasAvailable")
        assert conditions["Ready"][0] == "False", "the newest generation does not serve"

    def test_that_was_built_is_up_to_date(self) -> None:
        seen = building(*SERVING, phase="Succeeded")
        conditions = told(seen)
        assert conditions["ImageReady"] == ("True", "UpToDate")
        assert conditions["Ready"] == ("True", "Ready")
        assert health(seen) == "Current"

    def test_that_has_everything_is_prebuilt_and_of_no_build(self) -> None:
        seen = snapshot(llamastack(status={"buildRef": {"name": "old"}}), *SERVING)
        assert told(seen)["ImageReady"] == ("True", "Prebuilt")
        assert "buildRef" not in status_of(seen, PassOutcome(), NOW)

    def test_of_a_spec_with_errors_is_not_determined_and_its_build_not_forgotten(self) -> None:
        body = with_module(buildRef={"name": "modules-old"})
        body["spec"]["server"] = {"port": "none"}
        seen = snapshot(body)
        outcome = PassOutcome(findings_of(seen), applied=False)
        assert told(seen, outcome)["ImageReady"] == ("False", "NotDetermined")
        assert message(seen, "ImageReady", outcome) == message(seen, "Ready", outcome)
        assert status_of(seen, outcome, NOW)["buildRef"] == {"name": "modules-old"}

    def test_of_a_plan_with_errors_says_which(self) -> None:
        body = with_module(buildRef={"name": "modules-old"})
        body["spec"]["build"]["pip"] = {"requirements": ["@@@"]}
        seen = snapshot(body)
        outcome = PassOutcome(findings_of(seen), applied=False)
        conditions = told(seen, outcome)
        assert conditions["ImageReady"] == conditions["ConfigValid"] == ("False", "RequirementInvalid")
        assert conditions["Stalled"] == ("True", "RequirementInvalid")
        assert status_of(seen, outcome, NOW)["buildRef"] == {"name": "modules-old"}

    def test_names_its_build_from_the_moment_it_is_asked_for(self) -> None:
        seen = building()
        assert seen.image is not None
        assert status_of(seen, PassOutcome(), NOW)["buildRef"] == {"name": seen.image.current}


class TestProviders:
    def test_are_listed_with_the_version_of_their_module_once_that_is_installed(self) -> None:
        before = status_of(building(), PassOutcome(), NOW)["providers"]
        after = status_of(building(phase="Succeeded"), PassOutcome(), NOW)["providers"]
        mine = {"api": "safety", "id": "mine", "type": "remote::mine", "module": MODULE}
        plain = {"api": "inference", "id": "a", "type": "remote::vllm"}
        assert sorted(before, key=lambda one: str(one["id"])) == [plain, mine]
        assert sorted(after, key=lambda one: str(one["id"])) == [plain, {**mine, "moduleVersion": "1.0"}]

    def test_are_known_without_any_build(self) -> None:
        (provider,) = status_of(snapshot(llamastack()), PassOutcome(), NOW)["providers"]
        assert provider == {"api": "inference", "id": "a", "type": "remote::vllm"}


class TestCut:
    def test_leaves_a_message_that_fits(self) -> None:
        assert cut("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT

    def test_says_that_something_is_missing(self) -> None:
        short = cut("word " * MESSAGE_LIMIT)
        assert short.endswith("word …")
        assert len(short) <= MESSAGE_LIMIT


STATES = st.builds(
    deployment,
    wanted=st.integers(0, 3),
    updated=st.integers(0, 3),
    available=st.integers(0, 3),
    replicas=st.integers(0, 3),
    observed=st.integers(3, 4),
)
OUTCOMES = st.builds(
    PassOutcome,
    findings=st.lists(st.sampled_from([error(reason) for reason in declared_reasons()]), max_size=2),
    applied=st.booleans(),
)


@given(STATES, OUTCOMES, st.booleans(), st.booleans())
def test_in_every_state_the_conditions_agree_with_one_another(
    child: Child, outcome: PassOutcome, suspend: bool, crashing: bool
) -> None:
    seen = snapshot(llamastack(suspend=suspend), child, pod(container=crashed() if crashing else {}))
    status = status_of(seen, outcome, NOW)
    LlamaStackStatus.model_validate(status)
    true = {entry["type"] for entry in status["conditions"] if entry["status"] == "True"}
    assert len(true & {"Ready", "Reconciling", "Stalled"}) == 1
    assert not ("Ready" in true and "ConfigValid" not in true)
    assert all(entry["message"] for entry in status["conditions"])
    assert is_ready(status) == ("Ready" in true)
    assert status_of(replace(seen, stack=replace(seen.stack, status=status)), outcome, "later") == status
