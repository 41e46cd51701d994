"""What a start check found, as findings of its stack: each thing once, and where its user writes."""

from __future__ import annotations

from dataclasses import replace

from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.transitions import Transition, transitions
from llamastack_resolver.findings import Finding, Severity
from llamastack_resolver.providers.reasons import ProviderReason
from tests.support.conditions import message, told
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
from tests.support.world import llamastack, referred, snapshot


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
        assert answer(made, "ProtocolCompliant") == ("True", "Compliant")

    def test_with_a_reason_that_is_no_error_have_the_word_in_their_message(self) -> None:
        (one,) = status(seen(starting(), checked(report(found("error", "InlineSecret", "so")))))["findings"]
        assert (one["reason"], one["message"]) == ("FoundAtStart", f"{AT}: InlineSecret: so")

    def test_new_ones_are_events(self) -> None:
        before = status(seen(starting(), checked(MISSING)))
        both = report(*MISSING.findings, *REFUSED.findings, state="Failed")
        events = list(transitions(before, status(seen(starting(), checked(both)))))
        assert events == [Transition("InstantiationFailed", f"{AT}: ConnectionError: refused", warning=True)]
