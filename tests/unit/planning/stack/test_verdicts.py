"""The conditions of a stack, and what they say of its pods and its image."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import findings_of
from llamastack_operator.planning.stack.reading import unread
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.providers.reasons import ModuleReason
from tests.support.builds import MODULE, building, with_module
from tests.support.conditions import NOW, health, message, told
from tests.support.world import crashed, deployment, llamastack, pod, snapshot, with_facts

FAILURE = {"reason": "ModuleImportFailed", "message": "it cannot be imported", "hint": "ask its author"}
SERVING = (deployment(), pod(ready=True))


def test_all_conditions_are_there_from_the_first_pass() -> None:
    conditions = told(snapshot(llamastack()))
    assert list(conditions) == [str(kind) for kind in ConditionType]
    assert conditions["Ready"] == ("False", "Progressing")
    assert health(snapshot(llamastack())) == "InProgress"


def test_of_a_run_config_that_the_operator_failed_to_read_nothing_is_claimed() -> None:
    seen = with_facts(snapshot(llamastack(), *SERVING), reading=unread("digest"))
    for kind in ("ConfigValid", "ProvidersResolved", "Deprecated"):
        assert told(seen)[kind] == ("Unknown", "NotDetermined")
    assert health(seen) == "Current", "a fault of ours stops nothing"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((), "no pod of the newest revision has finished its check yet"),
        (SERVING, "its pods were made before pods checked themselves"),
    ],
)
def test_what_no_pod_reports_is_unknown_says_so_and_holds_nobody_up(members: tuple[Any, ...], words: str) -> None:
    seen = snapshot(llamastack(), *members)
    assert told(seen)["ProtocolCompliant"] == ("Unknown", "NotChecked")
    assert message(seen, "ProtocolCompliant").startswith(words)
    assert health(seen) == ("Current" if members else "InProgress")


def test_how_many_pods_are_available_is_told() -> None:
    assert message(snapshot(llamastack()), "Available") == "no pod exists yet"
    seen = snapshot(llamastack(), deployment(wanted=3, available=2), pod(ready=True))
    assert message(seen, "Available") == "2 of 3 pods are available"
    assert message(snapshot(llamastack(), deployment(), pod(ready=True)), "Ready") == "1 of 1 pods are available"


def test_pods_that_cannot_be_made_are_told_in_the_deployments_words() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"}
    seen = snapshot(llamastack(), deployment(available=0, replicas=0, updated=0, conditions=(refused,)))
    assert told(seen)["Ready"] == ("False", "PodsRefused")
    assert "exceeded quota: small" in message(seen, "Ready")


def test_trouble_of_old_pods_does_not_hide_that_new_ones_start() -> None:
    starting = deployment(wanted=1, updated=1, available=0, replicas=2)
    seen = snapshot(llamastack(), starting, pod("old", revision="old", container=crashed()), pod("new"))
    assert told(seen)["Ready"] == ("False", "Progressing")


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

    def test_whose_build_failed_for_a_module_is_a_finding_at_its_entry(self) -> None:
        seen = building(phase="Failed", failure={**FAILURE, "concerns": ["my-provider"]})
        (finding,) = status_of(seen, PassOutcome(), NOW)["findings"]
        assert finding["path"] == "spec.runConfig.providers.safety[0].module"
        assert finding["message"].startswith("spec.runConfig.providers.safety[0].module: it cannot be imported (build")

    def test_whose_build_failed_for_several_entries_names_them_all(self) -> None:
        body = with_module()
        entry = {"provider_id": "again", "provider_type": "remote::again", "module": MODULE}
        body["spec"]["runConfig"]["providers"]["inference"].append(entry)
        body["spec"]["build"]["pip"] = {"requirements": ["x", "further>=1"]}
        seen = building(body=body, phase="Failed", failure={**FAILURE, "concerns": ["further", "my_provider"]})
        (finding,) = status_of(seen, PassOutcome(), NOW)["findings"]
        places = [f"spec.runConfig.providers.{place}.module" for place in ("safety[0]", "inference[1]")]
        assert finding["path"] == places[0]
        assert f"{places[0]} (also {places[1]}, spec.build.pip.requirements[1]): it cannot" in finding["message"]

    @pytest.mark.parametrize("concerns", [["elsewhere"], [], "my-provider", [7]])
    def test_whose_build_failed_for_what_the_stack_does_not_name_is_a_finding_of_the_build(self, concerns: Any) -> None:
        seen = building(phase="Failed", failure={**FAILURE, "concerns": concerns})
        (finding,) = status_of(seen, PassOutcome(), NOW)["findings"]
        assert finding["path"] == "spec.build"

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
        assert told(seen, outcome)["ImageReady"] == ("Unknown", "NotDetermined")
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
