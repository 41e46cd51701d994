"""A status is small, whatever is in it, and says what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamastack_contract.limits import MESSAGE_BYTES
from llamastack_contract.start_report import ReportedFinding, StartReport
from llamastack_operator.api.conditions import MESSAGE_LIMIT, ConditionType, with_rest
from llamastack_operator.api.status import FINDINGS_LIMIT, PROVIDERS_LIMIT, STATUS_LIMIT, LlamaStackStatus
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.bounds import shortened, size_of, within_bounds
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.reading import NOTHING_READ, Provider, ProviderState, Reading
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.findings import Finding, Severity
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.reasons import ConfigReason
from tests.support.conditions import NOW
from tests.support.world import REVISION, crashed, deployment, llamastack, pod, snapshot, with_facts

# Characters that take one byte, several, or several for being escaped; whole texts are made of one, for the worst.
LETTERS = st.sampled_from(["x", "é", "漢", "🦙", '"', "\x01", "<", "."])
LONG = st.builds(lambda letter, times: letter * times, LETTERS, st.sampled_from([1, 60, 600, 5000]))
NAME = "a" * 253
TEXTS = LONG | st.text(max_size=20)
FINDINGS = st.builds(
    Finding,
    severity=st.sampled_from(Severity),
    reason=st.sampled_from([ConfigReason.INVALID_RUN_CONFIG, ProviderReason.PROVIDER_DEPRECATION_ERROR]),
    message=TEXTS,
    path=TEXTS,
    hint=TEXTS,
    object=TEXTS,
)
PROVIDERS = st.builds(
    Provider,
    api=TEXTS,
    id=TEXTS,
    type=TEXTS,
    module=TEXTS,
    state=st.sampled_from(ProviderState),
    message=TEXTS,
    unlisted=st.just(0),
)


def many(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return lists of up to a hundred of a few different entries: as many as matter, and quickly made."""
    few = st.lists(entries, min_size=1, max_size=3)
    return st.builds(lambda some, times: some * times, few, st.sampled_from([0, 1, 12, 33]))


def seen(findings: list[Finding], providers: list[Provider], words: str, omitted: int) -> Snapshot:
    """Return a stack of which everything that somebody else writes is long."""
    reported = ReportedFinding("error", "MissingMethod", *[words] * 5)
    report = StartReport("Failed", message=words, findings=(reported,) * 40)
    check = {"revision": REVISION, "verdict": "Failed", "report": report.to_text()}
    image = {"image": words, "digest": f"sha256:{'1' * 64}", "release": "0.7.3", "specs": "0" * 16, "inputs": "0" * 32}
    preflight = {"revision": REVISION, "state": "Refused", "message": words, "report": report.to_text()}
    kept = {"image": words, "release": words, "servedInputs": words, "buildRef": {"name": NAME}}
    status = {**kept, "startCheck": check, "preflight": preflight, "imageReport": image}
    body = llamastack(status=status, distribution={"image": "registry.example/mine:1"})
    found = snapshot(body, deployment(available=0), pod(container=crashed(reason=words)))
    reading = Reading("d", words, tuple(findings), omitted, tuple(providers), complete=True)
    verdict = ImageVerdict(False, ImageReason.BUILDING, words, current=NAME)
    return replace(with_facts(found, reading=reading), image=verdict)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)


class TestEveryStatus:
    @given(many(FINDINGS), many(PROVIDERS), TEXTS, st.integers(0, 9))
    @example(
        [Finding(Severity.ERROR, ConfigReason.INVALID_RUN_CONFIG, *["\x01" * 999] * 4)] * 99,
        [Provider(*["\x01" * 999] * 4, ProviderState.FAILED, "\x01" * 999)] * 99,
        "\x01" * 999,
        9,
    )
    @settings(deadline=None, max_examples=50)
    def test_is_small_whole_and_counts_what_it_leaves_out(
        self, findings: list[Finding], providers: list[Provider], words: str, omitted: int
    ) -> None:
        outcome = PassOutcome(findings, applied=False)
        status = status_of(seen(findings, providers, words, omitted), outcome, NOW)
        LlamaStackStatus.model_validate(status)
        assert size_of(status) <= STATUS_LIMIT
        reports = [status[check].pop("report") for check in ("startCheck", "preflight")]
        assert max(map(len, texts_of(status))) <= MESSAGE_LIMIT
        assert max(len(report.encode()) for report in reports) <= MESSAGE_BYTES
        assert all(StartReport.parse(report) is not None for report in reports)
        assert [entry["type"] for entry in status["conditions"]] == list(ConditionType)
        assert len(status.get("findings", ())) == min(len(findings), FINDINGS_LIMIT)
        assert status.get("omittedFindings", 0) == omitted + max(0, len(findings) - FINDINGS_LIMIT)
        enabled = [one for one in providers if one.state is not ProviderState.DISABLED]
        assert len(status.get("providers", ())) + status.get("omittedProviders", 0) == len(providers)
        assert ("providersResolved" in status) == bool(enabled)

    @given(many(FINDINGS))
    def test_keeps_the_findings_that_matter_most_in_their_order(self, findings: list[Finding]) -> None:
        status = within_bounds({"findings": [one.to_dict() for one in findings]})
        kept = [one["severity"] for one in status.get("findings", ())]
        order = list(Severity)
        assert sorted(kept, key=order.index) == sorted((one.severity for one in findings), key=order.index)[: len(kept)]

    def test_keeps_providers_that_somebody_may_have_to_act_on_before_others(self) -> None:
        row = {"api": "a" * 500, "id": "b" * 500, "type": "c" * 500, "module": "d" * 500}
        rows = [{**row, "state": str(state)} for state in reversed(ProviderState)] * 9
        status = within_bounds({"providers": [*rows, rows[-1]], "conditions": ["x" * 500] * 30})
        states = [one["state"] for one in status["providers"]]
        assert "Failed" in states
        assert "Disabled" not in states
        assert status["omittedProviders"] == 64 - len(states)


class TestAnOrdinaryStatus:
    rows = tuple(
        Provider("inference", f"vllm-{n}", "remote::vllm", "", ProviderState.RESOLVED, "")
        for n in range(PROVIDERS_LIMIT)
    )
    findings = tuple(
        Finding(
            Severity.WARNING,
            ConfigReason.UNKNOWN_FIELD,
            f"spec.runConfig.providers.inference[{n}].config.url: llama-stack 0.7.3 ignores `url`",
            f"spec.runConfig.providers.inference[{n}].config.url",
            hint="rename it to `base_url`, and write the whole address with its path, such as http://vllm:8000/v1",
        )
        for n in range(FINDINGS_LIMIT)
    )

    def test_is_not_changed_though_every_list_is_full(self) -> None:
        reading = replace(NOTHING_READ, providers=self.rows, complete=True)
        status = status_of(with_facts(snapshot(llamastack()), reading=reading), PassOutcome(self.findings), NOW)
        assert [one["hint"] for one in status["findings"]] == [one.hint for one in self.findings]
        assert len(status["providers"]) == PROVIDERS_LIMIT
        assert not {"omittedFindings", "omittedProviders"} & status.keys()
        assert not any("…" in text for text in texts_of(status))

    def test_loses_words_of_providers_before_it_loses_any_of_findings(self) -> None:
        rows = [replace(one, message="it is looked at where its package is installed " * 8) for one in self.rows]
        reading = replace(NOTHING_READ, providers=tuple(rows), complete=True)
        status = status_of(with_facts(snapshot(llamastack()), reading=reading), PassOutcome(self.findings), NOW)
        assert [one["hint"] for one in status["findings"]] == [one.hint for one in self.findings]
        assert all(one["message"].endswith(" …") for one in status["providers"])
        assert len(status["providers"]) == PROVIDERS_LIMIT


class TestShortening:
    @given(TEXTS | st.text(st.characters(categories=["Cs", "Lo", "Cc"])), st.integers(8, 600))
    def test_keeps_within_its_bytes_and_says_that_it_cut(self, text: str, limit: int) -> None:
        short = shortened(text, limit)
        assert size_of(short) - 2 <= limit
        assert short == text or (short.endswith(" …") and text.startswith(short.removesuffix(" …")))

    def test_leaves_how_much_more_there_is(self) -> None:
        message = with_rest("x" * 900, " (and 3 more)")
        assert len(message) == MESSAGE_LIMIT
        assert message.endswith("x … (and 3 more)")
