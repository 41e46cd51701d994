"""How a stack stands whose pods' start check fails, or says nothing: never as a container that ends."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.transitions import transitions
from llamastack_resolver.providers.reasons import ProviderReason
from tests.support.conditions import NOW, error, health, message, told
from tests.support.start_checks import (
    AT,
    MISSING,
    REFUSED,
    checked,
    pod_with_check,
    report,
    seen,
    serving,
    starting,
    status,
)
from tests.support.world import crashed, pod

LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}


class TestReady:
    def test_names_what_lasts_before_what_may_pass(self) -> None:
        both = report(*REFUSED.findings, *MISSING.findings, state="Failed")
        stack = seen(starting(), checked(both))
        assert told(stack)["Stalled"] == ("True", "MissingMethod")
        assert message(stack, "Ready").endswith("(and 1 more in status.findings)")
        assert health(stack) == "Failed"

    def test_is_told_by_the_check_and_not_by_its_container(self) -> None:
        again = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 5}
        ended = {"reason": "Error", "exitCode": 1, "finishedAt": NOW, "message": REFUSED.to_text()}
        stack = seen(starting(), pod_with_check({**again, "lastState": {"terminated": ended}}))
        assert told(stack)["Ready"] == ("False", "InstantiationFailed")
        assert message(stack, "Ready") == f"{AT}: ConnectionError: refused"
        told_of_pods = f"0 of 1 pods are available; the start check failed: {AT}: ConnectionError: refused"
        assert message(stack, "Available") == told_of_pods
        assert told(stack)["Available"] == ("False", "NoReplicasAvailable")
        assert health(stack) == "InProgress"

    def test_of_a_rollout_that_was_given_up_has_the_checks_words(self) -> None:
        stack = seen(starting(conditions=(LATE,)), checked(REFUSED))
        assert told(stack)["Stalled"] == ("True", "RolloutTimedOut")
        assert message(stack, "Ready") == f"too late; the start check failed: {AT}: ConnectionError: refused"

    def test_stays_true_where_a_failed_check_stops_nothing(self) -> None:
        stack = seen(serving(), checked(MISSING, stops=False, ready=True))
        assert told(stack)["Ready"] == ("True", "Ready")
        assert told(stack)["ProtocolCompliant"] == ("False", "MissingMethod")
        assert [one["severity"] for one in status(stack)["findings"]] == ["error"]

    def test_tells_of_the_server_where_the_check_let_it_start(self) -> None:
        stack = seen(starting(), checked(MISSING, stops=False, containerStatuses=[{"name": "server", **crashed()}]))
        assert told(stack)["Ready"] == ("False", "CrashLooping")

    def test_tells_of_pods_where_the_check_is_of_one_that_went(self) -> None:
        kept = {"startCheck": {"revision": "new", "verdict": "Failed", "report": MISSING.to_text()}}
        no_node = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
        assert told(seen(starting(), pod(conditions=[no_node]), status=kept))["Ready"] == ("False", "Unschedulable")

    def test_has_a_reason_where_a_failed_check_has_none(self) -> None:
        stack = seen(starting(), checked(StartReport("Failed", errors=3)))
        assert told(stack)["Ready"] == ("False", "FoundAtStart")
        assert told(stack)["Reconciling"] == ("True", "FoundAtStart")

    def test_of_a_check_does_not_stop_what_the_operator_does(self) -> None:
        """An error of a check is none of the pass, which would be tried again at once and for ever."""
        outcome = PassOutcome([error(ProviderReason.UNKNOWN_API)], applied=False)
        assert told(seen(starting(), checked(MISSING)), outcome)["Ready"] == ("False", "UnknownApi")


SILENT: dict[str, dict[str, Any]] = {
    "OutOfMemory": {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": NOW}}},
    "StartupFailed": {"state": {"terminated": {"reason": "Error", "exitCode": 3, "message": "refused: digest"}}},
    "CrashLooping": crashed(),
    "ImagePullFailed": {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}},
    "ContainerConfigFailed": {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "no key"}}},
}


class TestACheckThatSaysNothing:
    @pytest.mark.parametrize("reason", SILENT)
    def test_is_a_trouble_of_its_pod(self, reason: str) -> None:
        stack = seen(starting(), pod_with_check(SILENT[reason]))
        conditions = told(stack)
        assert conditions["Ready"] == conditions["Available"] == ("False", reason)
        assert conditions["Reconciling"] == ("True", reason)
        assert conditions["ProtocolCompliant"] == ("Unknown", "NotChecked")
        assert message(stack, "Ready").startswith("pod bot-new-1: container llamastack-resolver ")
        assert "startCheck" not in status(stack)
        (event,) = transitions(status(seen(starting())), status(stack))
        assert (event.reason, event.warning) == (reason, True)

    def test_hides_nothing_of_an_earlier_one_that_is_kept(self) -> None:
        kept = status(seen(starting(), checked(MISSING)))
        stack = seen(starting(), pod_with_check(SILENT["OutOfMemory"]), status=kept)
        assert told(stack)["Ready"] == ("False", "OutOfMemory")
        assert told(stack)["ProtocolCompliant"] == ("False", "MissingMethod")

    def test_where_a_part_of_it_was_killed_for_memory_though_it_ended_with_a_report(self) -> None:
        """To the kubelet such an init container has failed, whatever status it ended with."""
        said = StartReport("CheckFailed", "0.7.3", "the check ended by SIGKILL, as at a limit of memory")
        ended = {"reason": "OOMKilled", "exitCode": 0, "finishedAt": NOW, "message": said.to_text()}
        conditions = told(seen(starting(), pod_with_check({"state": {"terminated": ended}})))
        assert conditions["Ready"] == ("False", "OutOfMemory")
        assert conditions["ProtocolCompliant"] == ("Unknown", "CheckFailed")

    def test_is_no_trouble_once_it_let_the_server_start(self) -> None:
        done = {"state": {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": NOW}}, "ready": True}
        assert told(seen(serving(), pod_with_check(done, ready=True)))["Ready"] == ("True", "Ready")
