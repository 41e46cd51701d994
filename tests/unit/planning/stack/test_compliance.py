"""ProtocolCompliant: what is not implemented, what is optional, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_operator.planning.stack.reading import ProviderState
from tests.support.conditions import message, told
from tests.support.start_checks import (
    AT,
    READY,
    REFUSED,
    ROW,
    checked,
    found,
    pod_with_check,
    report,
    seen,
    serving,
    starting,
)
from tests.support.world import deployment, pod


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
