"""Whether a revision is checked before pods are stopped for it, and what comes of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.resources import CONFIGMAPS, HORIZONTALPODAUTOSCALERS
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.preflight import Preflight, PreflightState, kept, needs
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.children import revision_of
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.preflights import STORAGE, decided, held, its_pod, job, preflighted, with_preflight
from tests.support.start_checks import MISSING, REFUSED, found, report, serving
from tests.support.world import child, deployment, pod, referred, with_facts

PASSED = report()


def stands(stack: Snapshot) -> Preflight:
    preflight = decided(stack).preflight
    assert preflight is not None
    return preflight


def kinds(stack: Snapshot) -> set[str]:
    return {item.resource.kind for item in decided(stack).desired or ()}


def rolls_out(stack: Snapshot) -> bool:
    return "Deployment" in kinds(stack)


class TestIsMade:
    def test_where_a_volume_forces_recreate_and_something_serves(self) -> None:
        preflight = stands(held())
        assert (preflight.state, preflight.again) == (PreflightState.RUNNING, 60)
        assert preflight.job is not None
        assert preflight.job["metadata"]["annotations"]["llamastack.dev/revision"] == preflight.revision

    def test_while_all_but_the_deployment_is_applied_and_nothing_is_deleted(self) -> None:
        old = child(CONFIGMAPS, "bot-config-old")
        stack = held(serving(revision="old"), old)
        assert kinds(stack) == {"ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "Service"}
        assert (decided(stack).obsolete, decided(stack).scale) == ((), 1)

    def test_with_the_number_of_pods_that_is_asked_for_unless_an_autoscaler_has_it(self) -> None:
        assert decided(held(server={**STORAGE, "replicas": 3})).scale == 3
        assert decided(held(server={**STORAGE, "autoscaling": {"maxReplicas": 3}})).scale is None
        obsolete = child(HORIZONTALPODAUTOSCALERS)
        assert decided(held(serving(revision="old"), obsolete)).scale is None

    def test_where_pods_of_before_there_were_checks_serve(self) -> None:
        assert stands(held(deployment(revision="old"))).state is PreflightState.RUNNING

    def test_where_an_existing_claim_is_one_that_a_node_holds(self) -> None:
        claims = {"server": {"storage": {"claimName": "data"}}}
        once = with_facts(held(**claims), referred=referred(claim_modes=("ReadWriteOnce",)))
        many = with_facts(held(**claims), referred=referred(claim_modes=("ReadWriteMany",)))
        assert decided(once).preflight is not None
        assert decided(many).preflight is None


class TestIsNotMade:
    @pytest.mark.parametrize(
        "spec",
        [
            {"server": None},
            {"server": {"storage": {"size": "1Gi", "accessMode": "ReadWriteMany"}}},
            {"server": {**STORAGE, "replicas": 0}},
            {"suspend": True},
            {"startup": {"check": "Skip"}},
            {"startup": {"validation": "Warn"}},
        ],
        ids=lambda spec: str(spec),
    )
    def test_for(self, spec: dict[str, Any]) -> None:
        stack = held(**spec)
        assert decided(stack).preflight is None
        assert rolls_out(stack)

    @pytest.mark.parametrize(
        "members",
        [
            [serving(revision="old", available=0)],
            [serving(revision="")],
            [pod(ready=True)],
        ],
        ids=["nothing that serves", "a Deployment of unknown revision", "no Deployment"],
    )
    def test_where_there_is(self, members: list[Child]) -> None:
        stack = held(*members)
        assert decided(stack).preflight is None
        assert rolls_out(stack)

    def test_for_the_revision_that_runs(self) -> None:
        revision = stands(held()).revision
        stack = held(serving(revision=revision))
        assert decided(stack).preflight is None
        assert rolls_out(stack)

    def test_for_pods_that_were_ready_once(self) -> None:
        stack = held()
        name = f"bot-proven-{proven_digest(stack)}"
        assert decided(held(serving(revision="old"), child(CONFIGMAPS, name))).preflight is None

    def test_by_an_operator_that_checks_nothing(self) -> None:
        assert plan(held(), WorkloadSettings()).preflight is None


def proven_digest(stack: Snapshot) -> str:
    """Return the end of the name of what says that pods of the wanted revision were ready once."""
    preflight = stands(stack)
    assert preflight.job is not None
    volumes = preflight.job["spec"]["template"]["spec"]["volumes"]
    names = [volume["configMap"]["name"] for volume in volumes if volume["name"] == "llamastack-proven"]
    return str(names[0]).removeprefix("bot-proven-")


class TestWaits:
    def test_for_its_pod(self) -> None:
        stack = held()
        seen = stands(with_preflight(stack, job(stack), after=20))
        assert (seen.state, seen.job, seen.again) == (PreflightState.RUNNING, None, 40)

    def test_for_the_end_of_its_check(self) -> None:
        seen = stands(preflighted(None))
        assert (seen.state, seen.job) == (PreflightState.RUNNING, None)
        assert seen.again == 60 + 2 * 150 + 30 - 5

    def test_though_the_old_pods_go_meanwhile(self) -> None:
        stack = held()
        gone = held(serving(revision="old", available=0))
        assert stands(with_preflight(gone, job(stack), its_pod())).holds


UNPLACED: dict[str, Any] = {
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]
}
ENDED: dict[str, Any] = {
    "conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}]
}


class TestLetsGoOn:
    def test_where_it_passes(self) -> None:
        stack = preflighted(PASSED)
        assert stands(stack).state is PreflightState.PASSED
        assert rolls_out(stack)

    def test_where_its_check_fails_and_stops_nothing(self) -> None:
        stack = held()
        assert stands(with_preflight(stack, job(stack), its_pod(MISSING, code=0))).state is PreflightState.PASSED

    @pytest.mark.parametrize(
        ("pod", "after", "words"),
        [
            (its_pod(REFUSED), 5, "may come of its scratch storage: ConnectionError: refused"),
            (its_pod(StartReport("CheckFailed", message="no release is here"), code=0), 5, "no release is here"),
            (its_pod("Killed", code=137), 5, "ended without a report, with exit code 137"),
            (its_pod(StartReport("Failed", errors=2)), 5, "it does not say why"),
            (None, 61, "no pod was made for it in 60 s"),
            (its_pod(placed=False, **UNPLACED), 61, "no node took its pod in 60 s: 0/3"),
            (its_pod(placed=False), 61, "the scheduler does not say why"),
            (its_pod(), 391, "did not come to an end"),
        ],
    )
    def test_where_nothing_is_proved(self, pod: Any, after: float, words: str) -> None:
        stack = held()
        stack = with_preflight(stack, job(stack), pod, after)
        seen = stands(stack)
        assert seen.state is PreflightState.UNPROVEN
        assert words in seen.message
        assert rolls_out(stack)

    def test_not_yet_where_its_job_failed_and_nobody_told_how_its_check_ended(self) -> None:
        """Jobs and pods come by two watches."""
        stack = held()
        failed = job(stack, conditions=[{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}])
        for known in (None, its_pod()):
            seen = stands(with_preflight(stack, failed, known, after=20))
            assert (seen.state, seen.again) == (PreflightState.RUNNING, 2.0)
        late = stands(with_preflight(stack, failed, its_pod(), after=100_000))
        assert late.state is PreflightState.UNPROVEN

    def test_where_its_job_ends_before_its_check(self) -> None:
        stack = held()
        seen = stands(with_preflight(stack, job(stack, **ENDED), its_pod()))
        assert (seen.state, seen.message) == (
            PreflightState.UNPROVEN,
            "its Job ended before its check did: DeadlineExceeded: too long",
        )


class TestHolds:
    def test_where_something_is_proved(self) -> None:
        stack = preflighted(MISSING)
        seen = stands(stack)
        assert seen.state is PreflightState.REFUSED
        assert seen.report is not None
        assert [one.reason for one in seen.report.findings] == ["MissingMethod"]
        assert not rolls_out(stack)

    def test_for_what_is_proved_alone(self) -> None:
        both = report(*MISSING.findings, *REFUSED.findings, state="NonCompliant")
        seen = stands(preflighted(both))
        assert seen.report is not None
        assert ([one.reason for one in seen.report.findings], seen.report.errors) == (["MissingMethod"], 1)

    def test_not_for_the_job_of_another_stack(self) -> None:
        stack = held()
        assert stands(with_preflight(stack, job(stack, owner="other"), its_pod(MISSING))).job is not None

    def test_not_for_the_pod_of_another_job(self) -> None:
        stack = held()
        forged = replace(its_pod(MISSING), job_uid="other")
        assert stands(with_preflight(stack, job(stack), forged)).state is PreflightState.RUNNING


class TestIsMadeOnce:
    """For each revision, whatever becomes of its Job: the status keeps what came of it."""

    @pytest.mark.parametrize("said", [PASSED, MISSING, REFUSED], ids=["passed", "refused", "unproven"])
    def test_and_kept_when_its_job_is_gone(self, said: StartReport) -> None:
        before = stands(preflighted(said))
        after = held(status={"preflight": before.to_wire()})
        assert stands(after) == replace(before, again=None)
        assert rolls_out(after) == (not before.holds)

    def test_and_what_is_proved_holds_though_the_old_pods_do_not_serve(self) -> None:
        status = {"preflight": stands(preflighted(MISSING)).to_wire()}
        assert stands(held(serving(revision="old", available=0), status=status)).holds

    def test_and_anew_for_another_revision(self) -> None:
        status = {"preflight": stands(preflighted(MISSING)).to_wire()}
        env = {**STORAGE, "env": [{"name": "A", "value": "1"}]}
        assert stands(held(status=status, server=env)).job is not None

    def test_and_to_revert_is_enough(self) -> None:
        refused = stands(preflighted(MISSING))
        env = {**STORAGE, "env": [{"name": "A", "value": "1"}]}
        other = stands(held(server=env)).revision
        stack = held(serving(revision=other), status={"preflight": refused.to_wire()}, server=env)
        assert decided(stack).preflight is None
        assert revision_of(decided(stack).desired or ()) == other

    @pytest.mark.parametrize(
        "forged",
        [
            "x",
            {"state": "Refused"},
            {"state": "Gone", "revision": "new"},
            {"state": ["Refused"], "revision": "new"},
            {"state": "Passed", "revision": 3},
            {"state": "Refused", "revision": "new", "report": "not one"},
            {"state": "Refused", "revision": "new", "report": PASSED.to_text()},
            {"state": "Unproven", "revision": "new", "message": {}},
        ],
    )
    def test_unless_the_status_has_none_that_can_be_read(self, forged: Any) -> None:
        assert kept({"preflight": forged}) is None


class TestItsJob:
    def test_is_needed_while_it_runs_and_while_its_log_has_more_of_what_is_told(self) -> None:
        stack = held()
        made = job(stack)
        assert needs(stands(with_preflight(stack, made)), made)
        assert needs(stands(preflighted(MISSING)), made)

    def test_is_not_needed_when_it_has_let_go_on_or_is_of_another_revision(self) -> None:
        made = job(held())
        assert not needs(None, made)
        assert not needs(stands(preflighted(PASSED)), made)
        assert not needs(stands(preflighted(MISSING)), replace(made, revision="other"))


def test_what_is_found_beside_an_error_is_kept() -> None:
    will_go = found("warning", "ProviderDeprecated", "it will go")
    seen = stands(preflighted(report(*MISSING.findings, will_go, state="NonCompliant")))
    assert seen.report is not None
    assert [one.reason for one in seen.report.findings] == ["MissingMethod", "ProviderDeprecated"]
