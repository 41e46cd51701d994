"""How a stack stands whose roll-out waits for a preflight, or is held back by one."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.api.status import STATUS_LIMIT
from llamastack_operator.planning.stack.bounds import size_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.preflight import unproven
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.planning.stack.transitions import Transition, transitions
from llamastack_resolver.findings import Answer, Place
from llamastack_resolver.providers.reasons import ProviderReason
from tests.support.conditions import NOW, error, health, message, told
from tests.support.preflights import decided, held, preflighted
from tests.support.start_checks import AT, MISSING, REFUSED, found, report, serving, starting, status
from tests.support.world import pod
from tests.unit.planning.stack.test_any_start_report import QUOTES, REPORTS, TEXTS

VOCABULARY = {str(reason): reason for reason in declared_reasons()}


def outcome(stack: Snapshot) -> PassOutcome:
    """Return what a pass reports that carried out what was decided."""
    plan = decided(stack)
    waits = plan.preflight is not None and plan.preflight.holds
    return PassOutcome(plan.findings, applied=not waits, preflight=plan.preflight)


def made(stack: Snapshot) -> dict[str, Any]:
    return status(stack, outcome(stack))


def rolling(stack: Snapshot, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what is told after a pass that applied the Deployment."""
    preflight = decided(stack).preflight
    assert preflight is not None
    return status(held(starting(revision=preflight.revision), status=before), outcome(stack))


class TestWhileItRuns:
    def test_the_stack_is_at_work_and_the_old_pods_serve(self) -> None:
        stack = preflighted(None)
        answers = told(stack, outcome(stack))
        assert answers["Ready"] == ("False", "Preflight")
        assert answers["Reconciling"] == ("True", "Preflight")
        assert answers["Stalled"] == ("False", "Progressing")
        assert answers["Available"] == ("True", "OldRevisionServes")
        assert answers["ProtocolCompliant"] == ("Unknown", "NotChecked")
        assert health(stack, outcome(stack)) == "InProgress"

    def test_nothing_is_an_event(self) -> None:
        ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": ""}]}
        assert list(transitions(ready, made(preflighted(None)))) == []

    def test_what_the_old_pods_said_is_kept_and_not_told_of_the_new_ones(self) -> None:
        before = {"startCheck": {"revision": "old", "verdict": "Failed", "report": MISSING.to_text()}}
        after = made(held(status=before))
        assert after["startCheck"]["revision"] == "old"
        assert "findings" not in after


class TestWhatItProves:
    def test_is_told_as_the_pods_own_check_would_be_while_the_old_ones_serve(self) -> None:
        stack = preflighted(MISSING)
        answers = told(stack, outcome(stack))
        for kind in ("Ready", "Reconciling", "ProtocolCompliant"):
            assert answers[kind] == ("False", "MissingMethod")
        assert answers["Stalled"] == ("True", "MissingMethod")
        assert answers["Available"] == ("True", "OldRevisionServes")
        words = "found by a preflight, and no pod was stopped: "
        assert message(stack, "Ready", outcome(stack)) == f"{words}{AT}: Mine.rerank is missing (Inference)"
        assert message(stack, "Available", outcome(stack)) == "1 of 1 pods are available"
        assert health(stack, outcome(stack)) == "Failed"

    def test_is_among_findings_and_rows(self) -> None:
        after = made(preflighted(MISSING))
        assert [(one["reason"], one["path"]) for one in after["findings"]] == [("MissingMethod", AT)]
        assert [one["state"] for one in after["providers"]] == ["NonCompliant"]

    def test_is_one_event_and_told_once(self) -> None:
        before, after = made(preflighted(None)), made(preflighted(MISSING))
        assert [(one.reason, one.warning) for one in transitions(before, after)] == [("MissingMethod", True)]
        assert list(transitions(after, made(held(status=after)))) == []

    def test_is_told_alike_when_the_job_is_gone(self) -> None:
        first = made(preflighted(MISSING))
        again = made(held(status=first))
        assert again == first

    def test_says_how_much_there_is_beside_it(self) -> None:
        other = found("error", "ModuleImportFailed", "No module named 'mine'", path="providers.inference[1]")
        stack = preflighted(report(*MISSING.findings, other, state="NonCompliant"))
        assert message(stack, "Ready", outcome(stack)).endswith(" (and 1 more in status.findings)")

    def test_hides_nothing_that_is_wrong_with_the_spec(self) -> None:
        stack = preflighted(MISSING)
        wrong = PassOutcome([error(ProviderReason.UNKNOWN_API)], applied=False)
        assert told(stack, wrong)["Ready"] == ("False", "UnknownApi")

    def test_is_not_forgotten_for_an_error_of_a_pass(self) -> None:
        kept = made(preflighted(MISSING))
        stack = held(status=kept)
        wrong = PassOutcome([error(ProviderReason.UNKNOWN_API)], applied=False)
        assert status_of(stack, wrong, NOW)["preflight"] == kept["preflight"]

    def test_goes_with_its_revision(self) -> None:
        kept = made(preflighted(MISSING))
        assert "preflight" not in status(held(serving(revision="other"), status=kept))


class TestWhatItDoesNotProve:
    def test_is_one_normal_event(self) -> None:
        before, after = made(preflighted(None)), rolling(preflighted(REFUSED))
        words = "its check failed for what may come of its scratch storage: ConnectionError: refused"
        assert list(transitions(before, after)) == [Transition("PreflightUnproven", words, warning=False)]
        assert after["preflight"]["state"] == "Unproven"
        assert list(transitions(after, rolling(preflighted(REFUSED), after))) == []

    def test_holds_up_nothing(self) -> None:
        stack = preflighted(REFUSED)
        assert outcome(stack).applied
        rolled = held(serving(revision=made(stack)["preflight"]["revision"]), pod(ready=True), status=made(stack))
        assert told(rolled)["Ready"] == ("True", "Ready")
        assert status(rolled)["preflight"] == made(stack)["preflight"]

    def test_is_told_of_a_job_that_was_refused(self) -> None:
        preflight = decided(held()).preflight
        assert preflight is not None
        refused = PassOutcome(applied=False, preflight=unproven(preflight, "the API server refused its Job: quota"))
        after = status(held(), refused)
        assert after["preflight"]["message"] == "the API server refused its Job: quota"
        assert outcome(held(status=after)).held is None


@given(st.one_of(REPORTS.map(lambda one: one.to_text(4096)), TEXTS), st.booleans())
@example(QUOTES.to_text(64 * 1024), True)
@example(QUOTES.to_text(64 * 1024), False)
@settings(deadline=None)
def test_whatever_a_preflight_says_the_status_is_small_and_valid(text: str, kept: bool) -> None:
    stack = preflighted(text)
    revision = made(stack)["preflight"]["revision"]
    before = {"preflight": {"revision": revision, "state": "Refused", "report": text}}
    after = made(held(status=before) if kept else stack)
    assert size_of(after) <= STATUS_LIMIT
    assert [one["type"] for one in after["conditions"]] == list(ConditionType)
    answers = [(one["reason"], Answer(Place(one["type"]), one["status"])) for one in after["conditions"]]
    undeclared = {(word, str(one)) for word, one in answers if one not in VOCABULARY[word].declaration.answers}
    assert undeclared == set()
    assert made(held(status=after))["preflight"]["state"] == after["preflight"]["state"]
