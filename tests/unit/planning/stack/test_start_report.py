"""What start checks of pods say, and what becomes of it: conditions, findings, rows, Events, Ready and Stalled."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.start_report import last_check
from llamastack_operator.planning.stack.transitions import transitions
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.conditions import told
from tests.support.start_checks import (
    AT,
    MISSING,
    REFUSED,
    answer,
    checked,
    found,
    report,
    seen,
    serving,
    starting,
    status,
)
from tests.support.world import deployment, pod


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
        resting = status(seen(deployment(wanted=0, program="0"), status=after, suspend=True))
        assert resting["startCheck"] == after["startCheck"]
        assert resting.get("findings") == after.get("findings")
        assert resting["providers"] == after["providers"]
        kinds = ("ProtocolCompliant", "Deprecated", "ProvidersResolved", "ConfigValid")
        assert [answer(resting, kind) for kind in kinds] == [answer(after, kind) for kind in kinds]
        assert answer(resting, "Ready") == ("True", "Suspended")

    def test_is_forgotten_with_its_revision(self, case: Case) -> None:
        after = status(self.stack(case))
        newer = status(seen(starting(revision="newer"), checked(case.said), status=after))
        assert "startCheck" not in newer
        assert "findings" not in newer
        assert answer(newer, "ProtocolCompliant") == ("Unknown", "NotChecked")

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
        assert answer(made, "ProtocolCompliant") == ("Unknown", "NotChecked")
