"""Ready, Reconciling and Stalled: as kubectl wait and kstatus read them."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.conditions import MESSAGE_LIMIT
from llamastack_operator.api.status import FINDINGS_LIMIT
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.planning.stack.availability import availability
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.progress import LOOKS, Situation, progress
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import check_of_newest
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.findings import Finding, Reason, Severity
from llamastack_resolver.reasons import ConfigReason
from tests.e2e.kstatus import kstatus
from tests.support.builds import building
from tests.support.conditions import NOW, error, health, message, told
from tests.support.preflights import decided, held
from tests.support.start_checks import checked, found, report, starting
from tests.support.world import crashed, deployment, llamastack, pod, snapshot


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

    def test_what_an_earlier_stack_left_is_waited_for(self) -> None:
        """Tools that replace objects would call their rollout failed for what ends in seconds."""
        outcome = PassOutcome([error(ApplyReason.WAITING_FOR_CLEANUP)], applied=False)
        conditions = told(snapshot(llamastack()), outcome)
        assert conditions["Ready"] == ("False", "WaitingForCleanup")
        assert conditions["Reconciling"] == ("True", "WaitingForCleanup")
        assert conditions["Stalled"][0] == "False"
        assert health(snapshot(llamastack()), outcome) == "InProgress"

    def test_a_missing_reference_is_in_progress_as_it_may_arrive(self) -> None:
        assert (
            health(snapshot(llamastack()), PassOutcome([error(ConfigReason.MISSING_REFERENCE)], applied=False))
            == "InProgress"
        )


def test_a_status_of_an_earlier_generation_is_in_progress_whatever_it_says() -> None:
    ready = status_of(snapshot(llamastack(generation=2), deployment(), pod(ready=True)), PassOutcome(), NOW)
    assert kstatus({"metadata": {"generation": 2}, "status": ready}) == "Current"
    assert kstatus({"metadata": {"generation": 3}, "status": ready}) == "InProgress"


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


LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
SERVING = (deployment(), pod(ready=True))
BROKEN = (deployment(available=0, conditions=(LATE,)), pod(container=crashed()))
AT_REST = (deployment(wanted=0, conditions=(LATE,)),)
WAITING = held(starting(revision="old", available=1, conditions=(LATE,)))
LASTING, PASSING = error(StackReason.INVALID_SPEC), error(ConfigReason.MISSING_REFERENCE)
FAILED = {"phase": "Failed", "failure": {"reason": "PushDenied", "message": "not here"}, "attempts": 1}
# What each look sees, from the first to the last: what decides stands beside all that later looks would say.
CASES: dict[str, tuple[Snapshot, PassOutcome, tuple[str, str]]] = {
    "lasting_error": (building(*BROKEN, **FAILED), PassOutcome([PASSING, LASTING]), ("Stalled", "InvalidSpec")),
    "passing_error": (building(*BROKEN, **FAILED), PassOutcome([PASSING]), ("Reconciling", "MissingReference")),
    "image_failed": (building(*BROKEN, **FAILED), PassOutcome(), ("Stalled", "PushDenied")),
    "image_awaited": (building(*SERVING, phase="Building"), PassOutcome(), ("Reconciling", "Building")),
    "held_back": (
        WAITING,
        PassOutcome(applied=False, preflight=decided(WAITING).preflight),
        ("Reconciling", "Preflight"),
    ),
    "at_rest": (snapshot(llamastack(suspend=True), *AT_REST), PassOutcome(), ("Ready", "Suspended")),
    "serving": (
        snapshot(llamastack(), deployment(conditions=(LATE,)), pod(container=crashed())),
        PassOutcome(),
        ("Ready", "Ready"),
    ),
    "timed_out": (snapshot(llamastack(), *BROKEN), PassOutcome(), ("Stalled", "RolloutTimedOut")),
    "check_failed": (
        snapshot(
            llamastack(),
            starting(),
            checked(report(found("error", "MissingMethod"))),
            pod("bot-new-2", container=crashed()),
        ),
        PassOutcome(),
        ("Stalled", "MissingMethod"),
    ),
    "pods_in_trouble": (
        snapshot(llamastack(), deployment(available=0), pod(container=crashed())),
        PassOutcome(),
        ("Reconciling", "CrashLooping"),
    ),
    "starting": (snapshot(llamastack(), deployment(available=0), pod()), PassOutcome(), ("Reconciling", "Progressing")),
}
ORDER = list(CASES)


def situation(seen: Snapshot, outcome: PassOutcome) -> Situation:
    check = check_of_newest(seen, outcome.held)
    return Situation(seen, outcome.findings, outcome.applied, availability(seen, check), check, outcome.held)


class TestLooks:
    def test_come_in_this_order(self) -> None:
        assert [look.__name__ for look in LOOKS] == ORDER

    @pytest.mark.parametrize("name", ORDER)
    def test_that_say_something_first_decide(self, name: str) -> None:
        seen, outcome, (kind, reason) = CASES[name]
        looked = {look.__name__: look(situation(seen, outcome)) for look in LOOKS}
        before = ORDER[: ORDER.index(name)]
        assert [looked[earlier] for earlier in before] == [None] * len(before)
        assert progress(situation(seen, outcome)) == looked[name]
        conditions = told(seen, outcome)
        assert conditions[kind] == ("True", reason)
        assert [other for other in ("Ready", "Reconciling", "Stalled") if conditions[other][0] == "True"] == [kind]

    @pytest.mark.parametrize("name", ORDER[:-1])
    def test_stand_before_those_that_would_say_something_else(self, name: str) -> None:
        seen, outcome, _ = CASES[name]
        here = situation(seen, outcome)
        said = [found for look in LOOKS[ORDER.index(name) :] if (found := look(here)) is not None]
        assert len(said) > 1
        assert all(other != said[0] for other in said[1:]), "a case in which the order matters"
