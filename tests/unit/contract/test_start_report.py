"""Reports of checks keep within their bytes, keep what matters most, and are read as strangers' words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.limits import MESSAGE_BYTES
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport

ERROR = ReportedFinding("error", "MissingMethod", "providers.inference[0]", "remote::a has no foo()", "add it")
WARNING = replace(ERROR, severity="warning", reason="SignatureMismatch")
READY = ReportedProvider("inference", "a", "remote::a", "Ready", "1.0")
FAILED = replace(READY, id="b", state="NonCompliant")

texts = st.text(max_size=700)
findings = st.builds(
    ReportedFinding,
    st.sampled_from(["error", "warning", "info"]),
    st.from_regex(r"[A-Z][A-Za-z]{1,30}", fullmatch=True),
    *[texts] * 5,
)
providers = st.builds(
    ReportedProvider, texts, texts, texts, st.sampled_from(["Ready", "Failed", "NonCompliant"]), texts
)


def report(*found: ReportedFinding, providers: tuple[ReportedProvider, ...] = ()) -> StartReport:
    return StartReport.of("Failed", "0.7.3", found, providers)


class TestWhatIsWritten:
    @given(st.lists(findings, max_size=30), st.lists(providers, max_size=80))
    def test_is_within_its_bytes_and_is_read_with_all_counts(
        self, found: list[ReportedFinding], states: list[ReportedProvider]
    ) -> None:
        written = report(*found, providers=tuple(states))

        text = written.to_text()

        assert len(text.encode()) <= MESSAGE_BYTES
        read = StartReport.parse(text)
        assert read is not None
        counts = (written.errors, written.warnings, written.total, written.failed)
        assert (read.errors, read.warnings, read.total, read.failed) == counts

    def test_is_read_as_it_was_where_it_fits(self) -> None:
        written = report(ERROR, WARNING, providers=(FAILED, READY))

        assert StartReport.parse(written.to_text()) == written

    def test_has_errors_before_failed_providers_before_the_rest(self) -> None:
        info = replace(ERROR, severity="info")

        lines = report(info, WARNING, ERROR, providers=(READY, FAILED)).to_text().split("\n")

        assert [json.loads(line)[0] for line in lines[1:]] == ["error", "NonCompliant", "warning", "Ready", "info"]

    def test_keeps_the_only_error_among_many_providers(self) -> None:
        many = tuple(replace(READY, id=f"provider-{number}") for number in range(200))

        read = StartReport.parse(report(ERROR, providers=many).to_text())

        assert read is not None
        assert read.findings == (ERROR,)
        assert read.total == 200 > len(read.providers) > 10

    def test_loses_hints_before_it_loses_errors(self) -> None:
        wordy = [replace(ERROR, path=f"providers.inference[{number}]", hint="x" * 3000) for number in range(10)]

        read = StartReport.parse(report(*wordy).to_text())

        assert read is not None
        assert [finding.path for finding in read.findings] == [finding.path for finding in wordy]

    def test_is_within_its_bytes_whatever_its_first_line_says(self) -> None:
        text = StartReport("CheckFailed", release="\U0001f999" * 99, message="\U0001f999" * 999).to_text()

        assert len(text.encode()) <= MESSAGE_BYTES
        assert StartReport.parse(text) is not None

    @given(st.lists(findings, max_size=30), st.lists(providers, max_size=80))
    def test_has_what_the_release_ships_whatever_else_there_is(
        self, found: list[ReportedFinding], states: list[ReportedProvider]
    ) -> None:
        written = replace(report(*found, providers=tuple(states)), specs="0123456789abcdef")

        read = StartReport.parse(written.to_text())

        assert len(written.to_text().encode()) <= MESSAGE_BYTES
        assert read is not None
        assert read.specs == "0123456789abcdef"

    def test_has_no_line_more_where_nothing_is_known_of_what_the_release_ships(self) -> None:
        assert "Ships" not in report(ERROR).to_text()

    def test_says_why_no_check_was_made(self) -> None:
        written = StartReport("CheckFailed", message="no release of Llama Stack is installed")

        assert StartReport.parse(written.to_text()) == written


class TestWhatIsRead:
    @given(st.text(max_size=4096))
    def test_may_be_anything(self, text: str) -> None:
        StartReport.parse(text)

    @given(st.lists(findings, min_size=1, max_size=20), st.integers(0, 2048), st.integers(0, 2048))
    def test_may_be_cut_anywhere(self, found: list[ReportedFinding], begin: int, end: int) -> None:
        """Kubelets cut in the middle: the verdict is told as long as the first line is whole."""
        text = report(*found).to_text()
        first = len(text.split("\n")[0])
        begin = max(begin, first)

        read = StartReport.parse(text[:begin] + text[max(begin, end) :])

        assert read is not None
        assert (read.verdict, read.errors) == ("Failed", sum(one.severity == "error" for one in found))

    def test_may_be_cut_between_its_first_two_lines(self) -> None:
        head, rest = report(ERROR).to_text().split("\n")

        read = StartReport.parse(head + rest[9:])

        assert read is not None
        assert (read.verdict, read.errors, read.findings) == ("Failed", 1, ())

    @pytest.mark.parametrize(
        "head",
        [
            '[2,"Failed","0.7.3",[0,0,0,0],true,""]',
            '[1,"Fine","0.7.3",[0,0,0,0],true,""]',
            '[1,"Failed","0.7.3",[0,0,0],true,""]',
            '[1,"Failed","0.7.3",[0,0,0,-1],true,""]',
            '[1,"Failed","0.7.3",[0,0,0,true],true,""]',
            '[1,"Failed","0.7.3",[0,0,0,1e9],true,""]',
            '[1,"Failed","0.7.3",[0,0,0,0],1,""]',
            '[1,"Failed",7,[0,0,0,0],true,""]',
            "[" * 3000,
            "{}",
            "",
        ],
    )
    def test_is_none_without_a_verdict_of_ours(self, head: str) -> None:
        assert StartReport.parse(head) is None

    @pytest.mark.parametrize(
        "line",
        [
            '["fatal","MissingMethod","a","","","m",""]',
            '["error","missing method","a","","","m",""]',
            '["error","MissingMethod","a","","",7,""]',
            '["error","MissingMethod","a","","","m"]',
            '["Splendid","inference","a","remote::a",""]',
            '["Ships","0123456789ABCDEF"]',
            '["Ships","0123456789abcdef0"]',
            '["Ships","0123456789abcdef",""]',
            '["Ships",7]',
            "not JSON",
        ],
    )
    def test_passes_over_lines_that_are_none(self, line: str) -> None:
        text = report(ERROR).to_text()

        assert StartReport.parse(f"{text}\n{line}") == StartReport.parse(text)

    def test_is_printable_and_bounded(self) -> None:
        line = json.dumps(
            ["error", "MissingMethod", "p" * 900, "a\x1b[31m", "b\u202e", "m" * 3000 + "\n", "http://u:p@h"]
        )

        read = StartReport.parse(report().to_text() + "\n" + line)

        assert read is not None
        (finding,) = read.findings
        assert (len(finding.path), len(finding.message)) == (200, 512)
        assert (finding.api, finding.provider, finding.hint) == ("a", "b", "http://h")
