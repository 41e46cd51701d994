"""Whatever a pod says, and whatever a status kept of it: the status can be stored, and says what is declared."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.api.status import STATUS_LIMIT
from llamastack_operator.planning.stack.bounds import size_of
from llamastack_resolver.findings import Answer, Place
from tests.support.start_checks import (
    checked,
    seen,
    serving,
    starting,
    status,
)

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
