"""The vocabulary: each reason is declared once, is raised, and is what its declaration says."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from llamastack_contract.start_report import StartReport
from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.planning.build.reasons import FAILURES
from llamastack_operator.planning.reasons import ImageReason, PodReason
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.reading import as_warning
from llamastack_operator.planning.stack.status import PassOutcome, status_of
from llamastack_operator.planning.stack.transitions import transitions
from llamastack_operator.planning.vocabulary import RESOLVERS_REASONS
from llamastack_resolver.findings import DOCUMENT, Answer, Finding, Findings, Place, Reason, Severity, with_prefix
from llamastack_resolver.providers.reasons import ProviderReason
from tests.support.start_checks import checked, report, starting
from tests.support.start_checks import found as finding_at_start
from tests.support.world import llamastack, snapshot

OPERATOR = Path(__file__).parents[3] / "operator"
VOCABULARY = declared_reasons()
NOTHING_TO_DO = {ProviderReason.RESOLVED_IN_IMAGE}
"""What information about them comes without a hint."""
CHOSEN_AT_RUN_TIME = {
    "MISSING_METHOD": "its severity is a rule of the user's",
    "SIGNATURE_MISMATCH": "its severity is a rule of the user's",
    "NOT_IMPLEMENTED": "its severity is a rule of the user's",
    "INSTANTIATION_FAILED": "carried by an exception",
    "MODULE_IMPORT_FAILED": "carried by an exception, and chosen by the kind of the error",
    "MODULE_NOT_FOUND": "chosen by the kind of the error",
    "INVALID_PROVIDER_CONFIG": "carried by an exception too",
    "SPEC_MISSING": "carried by an exception too",
    "PROVIDER_REMOVED": "chosen by what became of the provider",
    "PROVIDER_RENAMED": "chosen by what became of the provider",
    "READING_FAILED": "handed over by a name",
    "UNSUPPORTED_VERSION": "handed to a helper too",
    "FOUND_AT_START": "its severity is that of the report",
    "DEPENDENCY_FAILED": "chosen by whether another finding says why",
}
"""Why the severities of a reason cannot all be read from the calls that report it."""


class Source(NamedTuple):
    """A module of the product."""

    file: str
    tree: ast.Module


class Report(NamedTuple):
    """A call that reports a finding."""

    place: str
    severity: str
    reason: str
    call: ast.Call


def sources() -> Iterator[Source]:
    for package in ("llamastack_contract", "llamastack_resolver", "llamastack_installer", "llamastack_operator"):
        for path in sorted((OPERATOR / package).rglob("*.py")):
            yield Source(path.relative_to(OPERATOR).as_posix(), ast.parse(path.read_text("utf-8")))


SOURCES = list(sources())
ROOMS = {type(reason).__name__ for reason in VOCABULARY}


def reason_of(node: ast.expr) -> str:
    """Return the member that an expression names, empty for one that is chosen at run time."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ROOMS:
        return node.attr
    return ""


def reports() -> Iterator[Report]:
    """Yield every call of `error`, `warning` and `info` of a collector of findings."""
    for file, tree in SOURCES:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner = ast.unparse(node.func.value).rsplit(".", 1)[-1].lstrip("_")
            if node.func.attr in tuple(Severity) and owner in ("findings", "empty", "inner", "own", "problems"):
                yield Report(f"{file}:{node.lineno}", node.func.attr, reason_of(node.args[0]), node)


REPORTS = list(reports())


def named() -> set[str]:
    """Return the words that programs of a build raise as text: they stand alone, without the vocabulary."""
    words = set()
    for _, tree in SOURCES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("FailureError", "BuildError") and node.args:
                first = node.args[0]
                branches = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                words |= {one.value for one in branches if isinstance(one, ast.Constant)}
            if isinstance(node, ast.AnnAssign) and node.value and ast.unparse(node.target) == "_REASONS":
                words |= {one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)}
    return {word for word in words if isinstance(word, str) and word[0].isupper()}


def templates() -> list[re.Pattern[str]]:
    """Return every text with words in it that the product makes, what is filled in as a wildcard."""
    found = []
    for file, tree in SOURCES:
        if file.endswith("/reasons.py"):
            continue
        for node in ast.walk(tree):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            fixed = "".join(text for text in texts if isinstance(text, str))
            if len(fixed) > 8 and " " in fixed:
                words = (re.escape(text) if isinstance(text, str) else ".+" for text in texts)
                found.append(re.compile("".join(words)))
    return found


TEMPLATES = templates()


class TestDeclarations:
    def test_no_word_is_declared_twice(self) -> None:
        assert [word for word, times in Counter(reason.value for reason in VOCABULARY).items() if times > 1] == []

    def test_no_member_has_the_name_of_another_rooms(self) -> None:
        assert [name for name, times in Counter(reason.name for reason in VOCABULARY).items() if times > 1] == []

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_a_reason_is_one_word_in_camel_case(self, reason: Reason) -> None:
        assert reason.value.isalpha()
        assert reason.value == "".join(part.capitalize() for part in reason.name.split("_"))

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_a_word_is_text_for_yaml_too(self, reason: Reason) -> None:
        assert yaml.safe_load(reason.value) == reason.value

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_meaning_and_cure_are_sentences(self, reason: Reason) -> None:
        told = reason.declaration
        assert told.meaning.endswith(".")
        assert not told.cure or told.cure.endswith(".")
        assert told.shows

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_an_error_has_a_cure(self, reason: Reason) -> None:
        assert reason.declaration.cure or Severity.ERROR not in reason.declaration.severities

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_the_example_is_a_message_that_the_product_makes(self, reason: Reason) -> None:
        """Build failures and upstream's own words aside, an example that no code can make would be invented."""
        assert reason.declaration.example
        made = any(template.search(reason.declaration.example) for template in TEMPLATES)
        assert made or reason.name in ("INVALID_SPEC", "PROVIDER_DEPRECATION_ERROR", "ROLLOUT_TIMED_OUT")

    def test_every_condition_is_a_place(self) -> None:
        assert {kind.value for kind in ConditionType} < {place.value for place in Place}


class TestRaising:
    def test_every_declared_reason_is_raised(self) -> None:
        """A reason that is never given would be a promise that is not kept."""
        used = {
            reason_of(node)
            for file, tree in SOURCES
            if not file.endswith("/reasons.py")
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
        }
        words = named()
        assert [reason for reason in VOCABULARY if reason.name not in used and reason.value not in words] == []

    def test_every_word_that_a_build_names_is_declared_as_a_failure(self) -> None:
        words = named()
        assert len(words) > 15
        assert words - FAILURES.keys() == set()

    def test_findings_are_made_by_a_collector(self) -> None:
        made = {
            file
            for file, tree in SOURCES
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
        }
        assert made == {
            "llamastack_resolver/findings.py",
            "llamastack_resolver/start/compliance.py",
            "llamastack_operator/planning/reading/wire.py",
            "llamastack_operator/planning/stack/reported.py",
        }

    def test_there_are_as_many_reports_as_one_can_see(self) -> None:
        """Guards the walk itself: a collector of another name would hide its reports."""
        assert len(REPORTS) > 90
        assert {name for report in REPORTS if (name := report.reason)} >= {"UNKNOWN_API", "REJECTED", "CLAIM_EXISTS"}

    @pytest.mark.parametrize("report", REPORTS, ids=[report.place for report in REPORTS])
    def test_every_report_has_a_path_and_a_hint(self, report: Report) -> None:
        """mypy sees that neither is left out; this sees that neither is empty."""
        path = report.call.args[2]
        assert not (isinstance(path, ast.Constant) and not path.value)
        (hint,) = [keyword.value for keyword in report.call.keywords if keyword.arg == "hint"]
        if isinstance(hint, ast.Constant) and not hint.value:
            assert report.severity == "info"
            assert report.reason in {reason.name for reason in NOTHING_TO_DO}

    @pytest.mark.parametrize("reason", [one for one in VOCABULARY if one.name not in CHOSEN_AT_RUN_TIME])
    def test_the_declared_severities_are_those_that_it_is_reported_with(self, reason: Reason) -> None:
        reported = {report.severity for report in REPORTS if report.reason == reason.name}
        assert set(map(str, reason.declaration.severities)) == reported

    @pytest.mark.parametrize("name", CHOSEN_AT_RUN_TIME)
    def test_what_is_chosen_at_run_time_is_declared_with_all_that_can_be_seen(self, name: str) -> None:
        (reason,) = [one for one in VOCABULARY if one.name == name]
        assert {report.severity for report in REPORTS if report.reason == name} <= set(reason.declaration.severities)


def worst(reason: Reason) -> Finding:
    """Return a finding of a reason, as severe as it can be."""
    findings = Findings()
    severe = Severity.ERROR in reason.declaration.severities
    report = findings.error if severe else findings.warning
    report(reason, "something is wrong", "spec.server", hint="mend it")
    return next(iter(findings))


def reported(severity: Severity, reason: Reason) -> StartReport:
    """Return the report of a start check that found this and nothing else."""
    return report(finding_at_start(severity.value, reason.value))


def places(seen: dict, reason: Reason) -> set[Place | Answer]:
    """Return where a status shows a reason, of conditions with what they say; the Event that it leads to included."""
    found: set[Place | Answer] = {
        Answer(Place(one["type"]), one["status"]) for one in seen["conditions"] if one["reason"] == reason
    }
    if any(one["reason"] == reason for one in seen.get("findings", [])):
        found.add(Place.FINDING)
    if any(one.reason == reason for one in transitions({}, seen)):
        found.add(Place.EVENT)
    return found


class TestPlaces:
    now = "2026-01-02T00:00:00Z"

    @pytest.mark.parametrize("reason", [one for one in VOCABULARY if Place.FINDING in one.declaration.shows])
    def test_a_finding_shows_just_where_its_declaration_says(self, reason: Reason) -> None:
        """A warning is what an error becomes that does not stop its stack."""
        shows = set(reason.declaration.shows) - {Place.REPORT, Place.BUILD}
        stack, seen = snapshot(llamastack()), set[Place | Answer]()
        found = [worst(reason), as_warning(worst(reason), "why")] if reason.declaration.severities else []
        for outcome in [PassOutcome([finding], applied=False) for finding in found]:
            seen |= places(status_of(stack, outcome, self.now), reason)
            if Place.IMAGE_READY.false in shows:
                planned = replace(stack, image=None, install_findings=(worst(reason),))
                seen |= places(status_of(planned, outcome, self.now), reason)
        for severity in reason.declaration.severities if reason.value in RESOLVERS_REASONS else ():
            at_start = snapshot(llamastack(), starting(), checked(reported(severity, reason)))
            seen |= places(status_of(at_start, PassOutcome(), self.now), reason)
        for stalled in (True, False) if reason.value in FAILURES else ():
            failed = replace(stack, image=ImageVerdict(False, reason, "it failed", stalled=stalled))
            seen |= places(status_of(failed, PassOutcome(), self.now), reason)
        of_pods = {Place.AVAILABLE.false} if isinstance(reason, PodReason) else set()
        assert seen == shows - of_pods

    @pytest.mark.parametrize("reason", [ImageReason.QUEUED, ImageReason.BUILDING])
    def test_work_on_an_image_shows_just_where_its_declaration_says(self, reason: Reason) -> None:
        waits = replace(snapshot(llamastack()), image=ImageVerdict(False, reason, "it takes time"))
        assert places(status_of(waits, PassOutcome(), self.now), reason) == set(reason.declaration.shows)

    @pytest.mark.parametrize("reason", FAILURES.values())
    def test_what_a_build_can_fail_for_shows_there(self, reason: Reason) -> None:
        assert Place.BUILD in reason.declaration.shows

    @pytest.mark.parametrize("reason", VOCABULARY)
    def test_only_what_a_build_can_fail_for_shows_there(self, reason: Reason) -> None:
        assert (Place.BUILD in reason.declaration.shows) == (reason.value in FAILURES)


def test_the_whole_of_a_document_is_the_place_that_its_config_has_in_a_manifest() -> None:
    whole = replace(worst(ProviderReason.UNKNOWN_API), path=DOCUMENT)
    assert [one.path for one in with_prefix([whole], "spec.runConfig")] == ["spec.runConfig"]
    assert [one.path for one in with_prefix([whole], "")] == [DOCUMENT]
