"""What start checks of pods say, and what becomes of it: conditions, findings, rows, Events, Ready and Stalled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.api.status import STATUS_LIMIT, LlamaStackStatus
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.bounds import size_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.reading import Provider, ProviderState
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import last_check
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.planning.stack.transitions import Transition, transitions
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.findings import Answer, Finding, Place, Severity
from llamastack_resolver.providers.reasons import ProviderReason
from tests.support.conditions import NOW, error, health, message, told
from tests.support.start_checks import READY, checked, found, pod_with_check, report, serving, starting
from tests.support.world import FINE, crashed, deployment, llamastack, pod, referred, snapshot, with_facts

AT = "spec.runConfig.providers.inference[0]"
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
ROW = Provider("inference", "a", "remote::vllm", "mine==1.0", ProviderState.UNKNOWN, "it is looked at where", True)


def seen(
    *members: Child | Pod, row: Provider | None = ROW, status: dict[str, Any] | None = None, **spec: Any
) -> Snapshot:
    """Return a stack with one provider, of which only its package can tell more, and its members."""
    rows = () if row is None else (row,)
    return with_facts(snapshot(llamastack(status=status, **spec), *members), reading=replace(FINE, providers=rows))


def status(found: Snapshot, outcome: PassOutcome | None = None) -> dict[str, Any]:
    """Return a status, which is one that the API server takes."""
    made = status_of(found, outcome or PassOutcome(), NOW)
    LlamaStackStatus.model_validate(made)
    return made


class Case(NamedTuple):
    """A report of a check that stopped its server, or did not, and what becomes of it."""

    said: StartReport
    conditions: dict[str, tuple[str, str]]
    state: str


def stuck(reason: str) -> dict[str, tuple[str, str]]:
    return {"Ready": ("False", reason), "Stalled": ("True", reason), "Reconciling": ("False", reason)}


def trying(reason: str) -> dict[str, tuple[str, str]]:
    return {"Ready": ("False", reason), "Stalled": ("False", "Progressing"), "Reconciling": ("True", reason)}


WELL = {"Ready": ("True", "Ready"), "Stalled": ("False", "Settled"), "Reconciling": ("False", "Settled")}
NOT_KNOWN = {"ProtocolCompliant": ("Unknown", "NotChecked")}
CASES = {
    "all is well": Case(
        report(),
        {**WELL, "ProtocolCompliant": ("True", "Compliant"), "ProvidersResolved": ("True", "Resolved")},
        "Ready",
    ),
    "an external spec will go": Case(
        report(found("warning", "ProviderDeprecated", "remote::vllm is deprecated: use remote::new")),
        {**WELL, "Deprecated": ("True", "ProviderDeprecated"), "ProtocolCompliant": ("True", "Compliant")},
        "Deprecated",
    ),
    "an external spec is refused by its author": Case(
        report(found("error", "ProviderDeprecationError", "remote::vllm was replaced"), state="Failed"),
        {
            **stuck("ProviderDeprecationError"),
            **NOT_KNOWN,
            "Deprecated": ("True", "ProviderDeprecationError"),
            "ProvidersResolved": ("False", "ProviderDeprecationError"),
        },
        "Failed",
    ),
    "a method is missing": Case(
        report(found("error", "MissingMethod", "Mine.rerank is missing (Inference)"), state="NonCompliant"),
        {**stuck("MissingMethod"), "ProtocolCompliant": ("False", "MissingMethod")},
        "NonCompliant",
    ),
    "a method is not callable": Case(
        report(found("error", "MissingMethod", "Mine.rerank is not callable (Inference)"), state="NonCompliant"),
        {**stuck("MissingMethod"), "ProtocolCompliant": ("False", "MissingMethod")},
        "NonCompliant",
    ),
    "a method is a stub": Case(
        report(found("error", "NotImplemented", "Mine.rerank is only declared"), state="NonCompliant"),
        {**stuck("NotImplemented"), "ProtocolCompliant": ("False", "NotImplemented")},
        "NonCompliant",
    ),
    "a method is missing that is optional": Case(
        report(found("warning", "MissingMethod", "Mine.rerank is missing (Inference)")),
        {**WELL, "ProtocolCompliant": ("True", "Compliant")},
        "Ready",
    ),
    "a signature is wrong": Case(
        report(found("warning", "SignatureMismatch", "Mine.rerank does not take model")),
        {**WELL, "ProtocolCompliant": ("False", "SignatureMismatch"), "ProvidersResolved": ("True", "Resolved")},
        "Ready",
    ),
    "a method is not async": Case(
        report(found("error", "SignatureMismatch", "Mine.rerank is a generator"), state="NonCompliant"),
        {**stuck("SignatureMismatch"), "ProtocolCompliant": ("False", "SignatureMismatch")},
        "NonCompliant",
    ),
    "a factory is not async": Case(
        report(found("error", "InstantiationFailed", "get_adapter_impl is not async"), state="Failed"),
        {**trying("InstantiationFailed"), **NOT_KNOWN},
        "Failed",
    ),
    "a factory raises": Case(
        report(found("error", "InstantiationFailed", "ConnectionError: refused"), state="Failed"),
        {**trying("InstantiationFailed"), **NOT_KNOWN, "ProvidersResolved": ("True", "Resolved")},
        "Failed",
    ),
    "a factory hangs": Case(
        report(found("error", "InstantiationFailed", "it did not come back within 150 seconds"), state="Failed"),
        {**trying("InstantiationFailed"), **NOT_KNOWN},
        "Failed",
    ),
    "a factory exits": Case(
        report(found("error", "InstantiationFailed", "the process ended with status 3"), state="Failed"),
        {**trying("InstantiationFailed"), **NOT_KNOWN},
        "Failed",
    ),
    "a dependency of a module cannot be imported": Case(
        report(found("error", "ModuleImportFailed", "importing mine failed: No module named 'httpx2'"), state="Failed"),
        {
            **stuck("ModuleImportFailed"),
            **NOT_KNOWN,
            "ProvidersResolved": ("False", "ModuleImportFailed"),
            "ImageReady": ("True", "Prebuilt"),
        },
        "Failed",
    ),
    "a config class refuses": Case(
        report(found("error", "InvalidProviderConfig", "size: expected a number", f"{AT[15:]}.config"), state="Failed"),
        {**stuck("InvalidProviderConfig"), **NOT_KNOWN, "ConfigValid": ("False", "InvalidProviderConfig")},
        "Failed",
    ),
    "a spec is of another type": Case(
        report(found("error", "SpecMismatch", "mine provides remote::mine, not remote::yours"), state="Failed"),
        {**stuck("SpecMismatch"), **NOT_KNOWN, "ProvidersResolved": ("False", "SpecMismatch")},
        "Failed",
    ),
    "what it depends on failed": Case(
        report(
            found("error", "DependencyFailed", "not started: it needs safety, which failed"), state="DependencyFailed"
        ),
        {**trying("DependencyFailed"), **NOT_KNOWN},
        "Failed",
    ),
    "a newer resolver has a word of its own": Case(
        report(found("error", "BrandNewTrouble", "what it is"), state="Failed"),
        {**trying("FoundAtStart"), **NOT_KNOWN},
        "Failed",
    ),
    "providers were only imported": Case(
        report(state="Imported", started=False),
        {**WELL, **NOT_KNOWN, "ProvidersResolved": ("True", "Resolved")},
        "Resolved",
    ),
    "what it needs is not there yet": Case(
        report(state="Unproven"),
        {**WELL, **NOT_KNOWN, "ProvidersResolved": ("True", "Resolved")},
        "Unknown",
    ),
    "the check could not be made": Case(
        StartReport("CheckFailed", message="no release was found"),
        {**WELL, "ProtocolCompliant": ("Unknown", "CheckFailed"), "ProvidersResolved": ("Unknown", "ResolvedInImage")},
        "Unknown",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestWhatAPodSays:
    def stack(self, case: Case) -> Snapshot:
        stops = case.said.verdict == "Failed"
        return seen(starting() if stops else serving(), checked(case.said, ready=not stops))

    def test_is_told_by_conditions(self, case: Case) -> None:
        conditions = told(self.stack(case))
        assert {kind: conditions[kind] for kind in case.conditions} == case.conditions
        assert [kind for kind in ("Ready", "Reconciling", "Stalled") if conditions[kind][0] == "True"] != []

    def test_stands_in_their_messages_and_in_findings_at_its_place(self, case: Case) -> None:
        after = status(self.stack(case))
        findings = after.get("findings", [])
        assert [one["severity"] for one in findings] == [one.severity for one in case.said.findings]
        for own, one in zip(case.said.findings, findings, strict=True):
            assert one["path"] == f"spec.runConfig.{own.path}"
            assert one["message"].startswith(f"{one['path']}: ")
            assert one["message"].endswith(own.message)
            assert any(one["message"] in each["message"] for each in after["conditions"])

    def test_is_an_event_each_time_it_is_new(self, case: Case) -> None:
        before, after = status(seen(starting())), status(self.stack(case))
        events = list(transitions(before, after))
        warnings = [one for one in events if one.warning]
        assert [one.message for one in warnings] == [one["message"] for one in after.get("findings", [])]
        assert list(transitions(after, after)) == []

    def test_is_told_by_the_providers_row(self, case: Case) -> None:
        after = status(self.stack(case))
        (row,) = after["providers"]
        fine = row["state"] in ("Ready", "Resolved", "Deprecated")
        assert (row["state"], after["providersResolved"]) == (case.state, f"{int(fine)}/1")
        if row["state"] in ("Failed", "NonCompliant"):
            assert row["message"] == case.said.findings[0].message

    def test_is_kept_by_the_status_when_the_pod_goes(self, case: Case) -> None:
        after = status(self.stack(case))
        counts = {"wanted": 0}
        resting = status(seen(deployment(**counts, program="0"), status=after, suspend=True))
        assert resting["startCheck"] == after["startCheck"]
        assert resting.get("findings") == after.get("findings")
        assert resting["providers"] == after["providers"]
        kinds = ("ProtocolCompliant", "Deprecated", "ProvidersResolved", "ConfigValid")
        assert [self.of(resting, kind) for kind in kinds] == [self.of(after, kind) for kind in kinds]
        assert self.of(resting, "Ready") == ("True", "Suspended")

    def test_is_forgotten_with_its_revision(self, case: Case) -> None:
        after = status(self.stack(case))
        newer = status(seen(starting(revision="newer"), checked(case.said), status=after))
        assert "startCheck" not in newer
        assert "findings" not in newer
        assert self.of(newer, "ProtocolCompliant") == ("Unknown", "NotChecked")

    def test_lets_what_ran_before_serve_on(self, case: Case) -> None:
        old = pod("bot-old-1", revision="old", ready=True)
        rolling = starting(available=1, updated=1, replicas=2)
        conditions = told(seen(rolling, checked(case.said), old))
        assert conditions["Available"] == ("True", "OldRevisionServes")
        assert conditions["Ready"][0] == "False"

    def test_does_not_keep_an_edit_from_being_applied(self, case: Case) -> None:
        decided = plan(self.stack(case), WorkloadSettings())
        assert decided.desired is not None
        assert decided.findings == ()

    @staticmethod
    def of(made: dict[str, Any], kind: str) -> tuple[str, str]:
        return next((one["status"], one["reason"]) for one in made["conditions"] if one["type"] == kind)


MISSING = report(found("error", "MissingMethod", "Mine.rerank is missing (Inference)"), state="NonCompliant")
REFUSED = report(found("error", "InstantiationFailed", "ConnectionError: refused"), state="Failed")


class TestWhichCheckCounts:
    def test_is_the_one_that_finished_last(self) -> None:
        early, late = "2026-01-01T00:00:05Z", "2026-01-01T00:00:06Z"
        for first, second in ((MISSING, REFUSED), (REFUSED, MISSING)):
            pods = checked(first, "bot-new-1", late), checked(second, "bot-new-2", early)
            for some in (pods, pods[::-1]):
                found_last = last_check(seen(starting(), *some))
                assert found_last is not None
                assert found_last.report == first

    def test_is_that_of_the_younger_pod_where_both_finished_at_once(self) -> None:
        older, younger = checked(MISSING), checked(REFUSED, "bot-new-0", created="2026-01-01T00:00:01Z")
        check = last_check(seen(starting(), older, younger))
        assert check is not None
        assert check.report == REFUSED

    def test_is_none_of_an_older_revision(self) -> None:
        assert last_check(seen(starting(), checked(MISSING, revision="old"))) is None

    def test_is_none_where_nothing_can_be_read(self) -> None:
        assert last_check(seen(starting(), checked("Segmentation fault"))) is None
        assert last_check(seen(checked(MISSING))) is None

    def test_is_that_of_a_pod_before_the_kept_one(self) -> None:
        kept = {"startCheck": {"revision": "new", "verdict": "Failed", "report": MISSING.to_text()}}
        assert told(seen(starting(), status=kept))["Ready"] == ("False", "MissingMethod")
        assert told(seen(starting(), checked(REFUSED), status=kept))["Ready"] == ("False", "InstantiationFailed")

    @pytest.mark.parametrize(
        "kept",
        [
            "text",
            {"revision": "new"},
            {"revision": "new", "report": 7},
            {"revision": "new", "verdict": "Failed", "report": "no report"},
            {"revision": "old", "verdict": "Failed", "report": MISSING.to_text()},
        ],
    )
    def test_is_none_where_something_else_is_kept(self, kept: Any) -> None:
        assert last_check(seen(starting(), status={"startCheck": kept})) is None

    def test_of_an_earlier_generation_is_not_told_of_the_newest_but_kept(self) -> None:
        broken = seen(starting(), checked(MISSING), server={"port": "none"})
        made = status(broken, PassOutcome(broken.stack.findings, applied=False))
        assert made["startCheck"]["verdict"] == "Failed"
        assert [one["reason"] for one in made["findings"]] == ["InvalidSpec"]
        assert TestWhatAPodSays.of(made, "ProtocolCompliant") == ("Unknown", "NotChecked")


class TestProtocolCompliant:
    def test_is_true_where_only_the_release_itself_falls_short_and_says_so(self) -> None:
        own = replace(ROW, module="", state=ProviderState.RESOLVED)
        said = report(found("warning", "MissingMethod", "VLLM.rerank is missing"))
        stack = seen(serving(), checked(said, ready=True), row=own)
        assert told(stack)["ProtocolCompliant"] == ("True", "Compliant")
        words = f"1 provider implements its protocol, but for what is optional: {AT}: VLLM.rerank is missing"
        assert message(stack, "ProtocolCompliant") == words

    @pytest.mark.parametrize("brought", ["version", "file"])
    def test_is_false_for_a_warning_about_what_a_file_or_a_package_brings(self, brought: str) -> None:
        own = replace(ROW, module="", state=ProviderState.RESOLVED)
        said = report(found("warning", "SignatureMismatch"))
        ref = {"name": "files", "key": "vllm.yaml"}
        entry = {"api": "inference", "providerType": "remote::vllm", "configMapKeyRef": ref}
        spec = {} if brought == "version" else {"externalProviders": [entry]}
        if brought == "version":
            said = replace(said, providers=(replace(READY, version="2.0"),))
        assert told(seen(serving(), checked(said, ready=True), row=own, **spec))["ProtocolCompliant"][0] == "False"

    @pytest.mark.parametrize("reason", ["MissingMethod", "NotImplemented", "SignatureMismatch"])
    def test_is_false_for_what_the_user_made_a_warning_of_a_module(self, reason: str) -> None:
        lowered = {"compliance": {"missing": "Warning", "signature": "Warning"}}
        members = serving(), checked(report(found("warning", reason)), ready=True)
        assert told(seen(*members, startup=lowered))["ProtocolCompliant"] == ("False", reason)
        own = replace(ROW, module="", state=ProviderState.RESOLVED)
        assert told(seen(*members, row=own, startup=lowered))["ProtocolCompliant"] == ("True", "Compliant")

    def test_counts_what_complies(self) -> None:
        said = StartReport.of("Passed", "0.7.3", (), (READY, replace(READY, id="b")))
        assert message(seen(serving(), checked(said)), "ProtocolCompliant") == "2 providers implement their protocols"
        assert message(seen(serving(), checked(replace(said, total=0, providers=()))), "ProtocolCompliant").startswith(
            "no"
        )

    def test_is_unknown_where_checks_are_skipped(self) -> None:
        stack = seen(serving(), pod(ready=True), startup={"check": "Skip"})
        assert told(stack)["ProtocolCompliant"] == ("Unknown", "NotChecked")
        assert message(stack, "ProtocolCompliant") == "startup.check is Skip"

    def test_says_why_it_is_unknown(self) -> None:
        words = "no pod of the newest revision has finished its check yet"
        assert message(seen(starting(), pod_with_check({"state": {"running": {}}})), "ProtocolCompliant") == words
        resting = seen(deployment(wanted=0, program="0"), suspend=True)
        assert message(resting, "ProtocolCompliant") == f"no pod runs, as asked, and {words}"
        assert "before pods checked themselves" in message(seen(deployment(), pod(ready=True)), "ProtocolCompliant")
        some = StartReport.of("Failed", "0.7.3", (found("error", "InstantiationFailed"),), (READY, *REFUSED.providers))
        assert message(seen(starting(), checked(some)), "ProtocolCompliant").startswith(
            "1 of 2 providers did not start"
        )
        failed = StartReport("CheckFailed", message="no release was found")
        assert message(seen(serving(), checked(failed)), "ProtocolCompliant") == "no release was found"


def test_what_a_pod_could_not_start_is_resolved_all_the_same() -> None:
    words = "1/1 enabled providers have a spec"
    assert message(seen(starting(), checked(REFUSED)), "ProvidersResolved") == words


class TestFindings:
    def test_of_a_referenced_run_config_are_in_its_config_map(self) -> None:
        ref = {"configMapKeyRef": {"name": "config", "key": "run.yaml"}}
        body = llamastack(runConfigFrom=ref)
        del body["spec"]["runConfig"]
        stack = snapshot(body, starting(), checked(MISSING), referred=referred(run_config="{}"))
        (one,) = status(stack)["findings"]
        assert (one["object"], one["path"]) == ("ConfigMap/config", 'data["run.yaml"].providers.inference[0]')
        assert one["message"].startswith('ConfigMap/config data["run.yaml"].providers.inference[0]: Mine.rerank')

    def test_of_a_spec_file_are_in_its_config_map(self) -> None:
        entry = {"api": "safety", "providerType": "remote::mine", "configMapKeyRef": {"name": "files", "key": "m.yaml"}}
        path = "external_providers_dir/remote/safety/mine.yaml"
        said = report(
            found("error", "SpecMissing", path=f"{path}:module"), found("warning", "ShadowedProvider", path=path)
        )
        first, second = status(seen(starting(), checked(said), externalProviders=[entry]))["findings"]
        assert (first["object"], first["path"]) == ("ConfigMap/files", 'data["m.yaml"].module')
        assert (second["object"], second["path"]) == ("ConfigMap/files", 'data["m.yaml"]')

    def test_of_the_whole_run_config_are_there(self) -> None:
        (one,) = status(seen(starting(), checked(report(found("error", "InvalidRunConfig", path=".")))))["findings"]
        assert one["path"] == "spec.runConfig"

    def test_that_a_reading_has_told_are_not_told_twice(self) -> None:
        said = report(found("warning", "ProviderDeprecated", "in the pod's words"))
        read = Finding(Severity.WARNING, ProviderReason.PROVIDER_DEPRECATED, "in the reading's words", AT)
        (one,) = status(seen(serving(), checked(said)), PassOutcome([read]))["findings"]
        assert one["message"] == "in the reading's words"

    def test_that_a_pod_takes_more_seriously_replace_a_readings(self) -> None:
        said = report(found("error", "UnknownProviderType", "there is none"), state="Failed")
        read = Finding(Severity.WARNING, ProviderReason.UNKNOWN_PROVIDER_TYPE, "there may be none", AT)
        stack = seen(starting(), checked(said))
        (one,) = status(stack, PassOutcome([read]))["findings"]
        assert (one["severity"], one["message"]) == ("error", f"{AT}: there is none")
        assert told(stack, PassOutcome([read]))["ProvidersResolved"] == ("False", "UnknownProviderType")

    def test_that_a_pod_disproves_leave_all_resolved(self) -> None:
        read = Finding(Severity.WARNING, ProviderReason.UNKNOWN_PROVIDER_TYPE, "there may be none", AT)
        stack = seen(serving(), checked(report(), ready=True))
        assert told(stack, PassOutcome([read]))["ProvidersResolved"] == ("True", "Resolved")

    def test_that_had_no_room_are_counted(self) -> None:
        said = replace(MISSING, errors=7, warnings=3)
        assert status(seen(starting(), checked(said)))["omittedFindings"] == 9

    def test_that_are_only_worth_knowing_are_not_told(self) -> None:
        made = status(seen(serving(), checked(report(found("info", "MissingMethod")), ready=True)))
        assert "findings" not in made
        assert TestWhatAPodSays.of(made, "ProtocolCompliant") == ("True", "Compliant")

    def test_with_a_reason_that_is_no_error_have_the_word_in_their_message(self) -> None:
        (one,) = status(seen(starting(), checked(report(found("error", "InlineSecret", "so")))))["findings"]
        assert (one["reason"], one["message"]) == ("FoundAtStart", f"{AT}: InlineSecret: so")

    def test_new_ones_are_events(self) -> None:
        before = status(seen(starting(), checked(MISSING)))
        both = report(*MISSING.findings, *REFUSED.findings, state="Failed")
        events = list(transitions(before, status(seen(starting(), checked(both)))))
        assert events == [Transition("InstantiationFailed", f"{AT}: ConnectionError: refused", warning=True)]


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

    def test_is_no_trouble_once_it_let_the_server_start(self) -> None:
        done = {"state": {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": NOW}}, "ready": True}
        assert told(seen(serving(), pod_with_check(done, ready=True)))["Ready"] == ("True", "Ready")


class TestRows:
    def rows(self, said: StartReport, *rows: Provider) -> list[tuple[str, str, str | None]]:
        stack = with_facts(snapshot(llamastack(), serving(), checked(said)), reading=replace(FINE, providers=rows))
        return [(one["id"], one["state"], one.get("moduleVersion")) for one in status(stack)["providers"]]

    def test_have_the_version_that_the_pod_found(self) -> None:
        said = replace(report(), providers=(replace(READY, version="1.4"),))
        assert self.rows(said, ROW) == [("a", "Ready", "1.4")]

    def test_have_the_id_that_only_pods_know(self) -> None:
        nameless = replace(ROW, id="providers.inference[0].provider_id")
        assert self.rows(report(), nameless) == [("a", "Ready", None)]

    def test_whose_ids_only_pods_know_are_not_guessed(self) -> None:
        two = [replace(ROW, id=f"providers.inference[{n}].provider_id") for n in range(2)]
        said = StartReport.of("Passed", "0.7.3", (), (READY, replace(READY, id="b")))
        states = [state for _, state, _ in self.rows(said, *two)]
        assert states == ["Disabled", "Disabled", "Ready", "Ready"]

    def test_that_only_the_report_knows_are_added_where_there_is_room(self) -> None:
        many = tuple(replace(READY, id=f"p{n}") for n in range(10))
        said = StartReport.of("Passed", "0.7.3", (), many)
        assert len(self.rows(said)) == 10
        full = [replace(ROW, id=f"row{n}", state=ProviderState.RESOLVED) for n in range(60)]
        assert [state for _, state, _ in self.rows(said, *full)].count("Ready") == 4
        more = replace(full[-1], unlisted=5)
        assert [state for _, state, _ in self.rows(said, *full[:-1], more)].count("Ready") == 0

    def test_that_no_pod_starts_are_disabled(self) -> None:
        assert self.rows(report(), ROW, replace(ROW, id="b")) == [("a", "Ready", None), ("b", "Disabled", None)]

    def test_that_a_passed_report_had_no_room_for_are_resolved(self) -> None:
        said = replace(report(), total=2)
        assert self.rows(said, ROW, replace(ROW, id="b"))[1] == ("b", "Resolved", None)

    def test_that_a_failed_report_does_not_name_stay_as_they_are(self) -> None:
        assert self.rows(replace(REFUSED, total=2), ROW, replace(ROW, id="b"))[1] == ("b", "Unknown", None)

    def test_that_will_go_still_say_so_when_they_are_ready(self) -> None:
        old = replace(ROW, state=ProviderState.DEPRECATED, message="use another")
        assert self.rows(report(), old) == [("a", "Deprecated", None)]

    def test_that_were_not_started_for_another_say_for_which(self) -> None:
        words = "not started: it needs safety, which failed"
        said = replace(report(found("warning", "DependencyFailed", words), state="DependencyFailed"), verdict="Failed")
        (row,) = status(seen(starting(), checked(said)))["providers"]
        assert (row["state"], row["message"]) == ("Failed", words)

    def test_that_failed_for_what_had_no_room_say_where_to_look(self) -> None:
        said = StartReport("Failed", providers=(replace(READY, state="Failed"),), errors=1, total=1, failed=1)
        stack = seen(starting(), checked(said), row=None)
        (row,) = status(stack)["providers"]
        assert row["message"] == "it was not started; status.findings says why"


TEXTS = st.text(max_size=300) | st.builds(
    lambda letter, times: letter * times,
    st.sampled_from(["x", "漢", "🦙", '"', "\\", "\x01"]),
    st.sampled_from([60, 600]),
)
VOCABULARY = {str(reason): reason for reason in declared_reasons()}
WORDS = st.sampled_from(sorted(VOCABULARY)) | st.from_regex(r"[A-Z][A-Za-z]{1,30}", fullmatch=True)
REPORTS = st.builds(
    StartReport,
    verdict=st.sampled_from(["Passed", "Failed", "CheckFailed"]),
    release=TEXTS,
    message=TEXTS,
    findings=st.lists(
        st.builds(ReportedFinding, st.sampled_from(["error", "warning", "info"]), WORDS, *[TEXTS] * 5), max_size=40
    ).map(tuple),
    providers=st.lists(
        st.builds(
            ReportedProvider,
            *[TEXTS] * 3,
            st.sampled_from(["Ready", "Imported", "Failed", "NonCompliant", "DependencyFailed", "Unproven"]),
            TEXTS,
        ),
        max_size=80,
    ).map(tuple),
    errors=st.integers(0, 100_000),
    warnings=st.integers(0, 100_000),
    total=st.integers(0, 100_000),
    failed=st.integers(0, 100_000),
    started=st.booleans(),
)
QUOTES = StartReport(
    "Failed",
    message='"' * 512,
    findings=(ReportedFinding("error", "MissingMethod", *['"' * 999] * 5),) * 40,
    providers=(ReportedProvider(*['"' * 999] * 3, "Failed", '"' * 999),) * 80,
)


class TestWhateverAPodSays:
    @given(
        st.one_of(REPORTS.map(lambda one: one.to_text(4096)), TEXTS),
        st.one_of(REPORTS.map(StartReport.to_text), TEXTS),
        st.booleans(),
        st.booleans(),
    )
    @example(QUOTES.to_text(64 * 1024), QUOTES.to_text(64 * 1024), True, True)
    @example(QUOTES.to_text(64 * 1024), QUOTES.to_text(64 * 1024), False, False)
    @settings(deadline=None)
    def test_the_status_is_small_valid_and_as_the_reasons_say(
        self, text: str, kept: str, there: bool, up: bool
    ) -> None:
        before = {"startCheck": {"revision": "new", "verdict": "Failed", "report": kept}}
        pods = [checked(text, stops=not up, ready=up)] if there else []
        stack = seen(serving() if up else starting(), *pods, status=before)
        made = status(stack)
        assert size_of(made) <= STATUS_LIMIT
        assert [one["type"] for one in made["conditions"]] == list(ConditionType)
        answers = [(one["reason"], Answer(Place(one["type"]), one["status"])) for one in made["conditions"]]
        undeclared = {(word, str(one)) for word, one in answers if one not in VOCABULARY[word].declaration.answers}
        assert undeclared == set()
        again = status(seen(serving() if up else starting(), status=made))
        assert again.get("startCheck") == made.get("startCheck")

    @given(REPORTS)
    @settings(deadline=None)
    def test_what_is_kept_is_told_as_it_was(self, said: StartReport) -> None:
        made = status(seen(starting(), checked(said)))
        again = status(seen(starting(), status=made))
        assert again == made
