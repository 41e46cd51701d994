"""Rows of providers, as a pod found them."""

from __future__ import annotations

from dataclasses import replace

from llamastack_contract.start_report import StartReport
from llamastack_operator.planning.stack.reading import Provider, ProviderState
from tests.support.start_checks import (
    READY,
    REFUSED,
    ROW,
    checked,
    found,
    report,
    seen,
    serving,
    starting,
    status,
)
from tests.support.world import FINE, llamastack, snapshot, with_facts


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
