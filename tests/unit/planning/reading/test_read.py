"""What the resolver says of a stack of the API: the same as `llamastack validate` of its manifest."""

from __future__ import annotations

import textwrap
from base64 import b32encode
from hashlib import shake_128
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamastack_operator.api.status import FINDINGS_LIMIT
from llamastack_operator.controller.reading.frames import LONGEST_ANSWER
from llamastack_operator.planning.reading.answer import Answer
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.reading.wire import LONGEST, of_text, to_text
from llamastack_operator.planning.stack.reading import Reading
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_resolver.findings import Severity
from tests.support.world import facts, llamastack, read_facts, referred

PROVIDER = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://vllm:8000/v1"}}
RELEASE = {"release": {"package": "llama-stack", "version": "0.7.3"}}
FROM = {"configMapKeyRef": {"name": "config", "key": "run.yaml"}}
SECOND = "spec.runConfig.providers.inference[1]"


def of(run_config: Any, **spec: Any) -> Reading:
    """Return the reading of a stack on 0.7.3 with an inline run config."""
    return read_facts(llamastack(**{"distribution": RELEASE, "runConfig": run_config, **spec})).reading


def of_text_config(text: str, **spec: Any) -> Reading:
    """Return the reading of a stack whose run config is in a ConfigMap."""
    body = llamastack(**{"distribution": RELEASE, "runConfigFrom": FROM, **spec})
    del body["spec"]["runConfig"]
    return read_facts(body, referred=referred(texts={"config": {"run.yaml": text}})).reading


def answer_of(run_config: Any, **spec: Any) -> Answer:
    """Return the whole answer about a stack on 0.7.3 with an inline run config."""
    question = question_of(facts(llamastack(**{"distribution": RELEASE, "runConfig": run_config, **spec})))
    assert question is not None
    return read(question)


def errors(reading: Reading) -> list[tuple[str, str]]:
    return [(one.reason, one.path) for one in reading.findings if one.severity is Severity.ERROR]


def with_provider(entry: Any) -> dict[str, Any]:
    return {"version": 2, "distro_name": "a", "providers": {"inference": [PROVIDER, entry]}}


class TestARightStack:
    @pytest.mark.parametrize(
        "run_config",
        [
            {"version": 2, "providers": {"inference": [PROVIDER]}},
            {"version": 2, "providers": {}},
            {"version": 2, "providers": {"inference": []}},
            with_provider({**PROVIDER, "provider_id": "b"}),
        ],
    )
    def test_has_no_findings(self, run_config: Any) -> None:
        reading = of(run_config)
        assert (reading.findings, reading.complete, reading.release) == ((), True, "0.7.3")

    def test_is_completed_as_its_server_gets_it(self) -> None:
        """Nothing is said of `distro_name`, which the release demands and the operator fills in."""
        assert of({"version": 2, "providers": {"inference": [PROVIDER]}}).findings == ()


class TestAWrongShape:
    @pytest.mark.parametrize(
        ("run_config", "path"),
        [
            ({"distro_name": "a"}, "spec.runConfig.providers"),
            ({"distro_name": "a", "providers": []}, "spec.runConfig.providers"),
            ({"distro_name": "a", "providers": {}, "apis": "inference"}, "spec.runConfig.apis"),
            ({"distro_name": "a", "providers": {"inference": {}}}, "spec.runConfig.providers.inference"),
            ({"distro_name": "a", "providers": {"inference": None}}, "spec.runConfig.providers.inference"),
            (with_provider("remote::vllm"), SECOND),
            (with_provider({"provider_id": "a"}), f"{SECOND}.provider_type"),
            (with_provider({"provider_id": "a", "provider_type": 1}), f"{SECOND}.provider_type"),
            (with_provider({**PROVIDER, "provider_id": "b", "config": []}), f"{SECOND}.config"),
        ],
    )
    def test_is_an_error_with_its_place_and_a_cure(self, run_config: Any, path: str) -> None:
        reading = of(run_config)
        assert ("InvalidRunConfig", path) in errors(reading)
        assert all(one.hint and one.message.startswith(f"{one.path}: ") for one in reading.findings)

    def test_is_told_at_once_wherever_it_is(self) -> None:
        wrong = {
            "distro_name": "a",
            "apis": [1, None],
            "providers": {"inference": ["a", {"config": "b"}], "safety": "c"},
        }
        assert {path for _, path in errors(of(wrong))} >= {
            "spec.runConfig.apis[0]",
            "spec.runConfig.apis[1]",
            "spec.runConfig.providers.inference[0]",
            "spec.runConfig.providers.inference[1].provider_type",
            "spec.runConfig.providers.inference[1].config",
            "spec.runConfig.providers.safety",
        }


class TestAConfigOfAConfigMap:
    def test_is_read_like_an_inline_one_and_named_by_its_object(self) -> None:
        reading = of_text_config("version: 2\ndistro_name: a\nproviders: []\n")
        (finding,) = reading.findings
        assert (finding.object, finding.path) == ("ConfigMap/config", 'data["run.yaml"].providers')
        assert finding.message.startswith('ConfigMap/config data["run.yaml"].providers: ')

    @pytest.mark.parametrize(
        "text",
        [
            "providers: {a: [",
            "",
            "# nothing but a remark\n",
            "null",
            "---\n~\n",
            "providers: {}\n---\nproviders: {}\n",
            "providers: !!python/object/apply:os.getcwd []",
            "providers: !secret {}",
            "providers: {<<: 1}",
            "- a",
        ],
    )
    def test_that_the_server_cannot_read_is_an_error(self, text: str) -> None:
        found = errors(of_text_config(text))
        assert {reason for reason, _ in found} == {"InvalidRunConfig"}
        assert all(path.startswith('data["run.yaml"]') for _, path in found)

    def test_that_is_not_there_is_told_by_whoever_looked_for_it(self) -> None:
        body = llamastack(distribution=RELEASE, runConfigFrom=FROM)
        del body["spec"]["runConfig"]
        reading = read_facts(body, referred=referred(texts={})).reading
        assert (reading.findings, reading.complete) == ((), False)

    @settings(deadline=None)
    @given(st.text())
    @example("a: &a [*a]")
    @example("a: 2026-13-45")
    @example("? {a: b}\n: c")
    @example("providers: {1: 2}")
    @example("\ufeffproviders: {}")
    @example("a: \ud800")
    @example("!!set {a}")
    @example("[" * 3000)
    def test_of_any_kind_gives_findings_and_no_exception(self, text: str) -> None:
        reading = of_text_config(text)
        assert reading.has_errors or reading.complete


class TestVariables:
    CONFIG = with_provider({**PROVIDER, "provider_id": "b", "config": {"base_url": "${env.URL}"}})

    def test_that_nothing_sets_are_missing(self) -> None:
        assert errors(of(self.CONFIG)) == [("MissingEnv", f"{SECOND}.config.base_url")]

    def test_that_a_config_map_has_are_there(self) -> None:
        body = llamastack(distribution=RELEASE, runConfig=self.CONFIG)
        body["spec"]["server"] = {"envFrom": [{"configMapRef": {"name": "urls"}}]}
        known = read_facts(body, referred=referred(texts={"urls": {"URL": "http://v/v1"}})).reading
        assert known.findings == ()
        other = read_facts(body, referred=referred(texts={"urls": {"OTHER": "x"}})).reading
        assert errors(other) == [("MissingEnv", f"{SECOND}.config.base_url")]

    def test_that_a_secret_has_are_there_and_nobody_knows_what_they_are(self) -> None:
        body = llamastack(distribution=RELEASE, runConfig=self.CONFIG)
        body["spec"]["server"] = {"envFrom": [{"secretRef": {"name": "urls"}}]}
        assert read_facts(body, referred=referred(secrets={"urls": frozenset({"URL"})})).reading.findings == ()
        assert read_facts(body, referred=referred(secrets={"urls": frozenset()})).reading.has_errors


class TestWhatIsCertain:
    WRONG = with_provider({"provider_id": "b", "provider_type": "remote::vlm"})

    @pytest.mark.parametrize(
        "distribution",
        [
            pytest.param(RELEASE, id="a release that the operator installs"),
            pytest.param({"image": "docker.io/llamastack/distribution-starter:0.7.3"}, id="upstream's own image"),
            pytest.param({"image": "llamastack/distribution-starter:0.7.3"}, id="the same, shorter"),
        ],
    )
    def test_stops(self, distribution: dict[str, Any]) -> None:
        reading = of(self.WRONG, distribution=distribution)
        assert errors(reading) == [("UnknownProviderType", f"{SECOND}.provider_type")]

    @pytest.mark.parametrize(
        "distribution",
        [
            pytest.param({"image": "registry.example/mine:1"}, id="an image of which nothing is known"),
            pytest.param({"image": "registry.example/llamastack/distribution-starter:0.7.3"}, id="one of a mirror"),
            pytest.param({"image": "registry.example/mine:1", **RELEASE}, id="an image with more than its release"),
        ],
    )
    def test_is_not_what_an_image_may_have(self, distribution: dict[str, Any]) -> None:
        reading = of(self.WRONG, distribution=distribution)
        assert errors(reading) == []
        (finding,) = reading.findings
        assert (finding.severity, finding.reason) == ("warning", "UnknownProviderType")
        assert "does not stop the stack" in (finding.hint or "")

    def test_is_a_second_entry_of_one_id_also_in_such_an_image(self) -> None:
        image = {"image": "registry.example/mine:1", **RELEASE}
        assert errors(of(with_provider(PROVIDER), distribution=image)) == [
            ("DuplicateProviderId", f"{SECOND}.provider_id")
        ]

    @pytest.mark.parametrize("image", ["registry.example/mine:1", "docker.io/llamastack/distribution-starter:0.7.3"])
    def test_is_a_text_that_nobody_can_read(self, image: str) -> None:
        assert of_text_config("a: [", distribution={"image": image}).has_errors


class TestTheAnswer:
    def test_is_the_same_for_whoever_asks_the_same(self) -> None:
        one, other = of(with_provider(PROVIDER)), of(with_provider(PROVIDER), server={"replicas": 3}, suspend=True)
        assert one == other
        assert one.digest != of(with_provider(PROVIDER), server={"env": [{"name": "A", "value": "1"}]}).digest

    def test_is_the_same_after_it_was_written_and_read(self) -> None:
        question = ReadingQuestion({"distribution": RELEASE}, '{"providers": {}}', {"a": {"b": "c"}}, {"s": {"k"}})
        again = ReadingQuestion.of_text(question.text)
        assert (again.digest, again.key) == (question.digest, question.key)
        answer = answer_of(with_provider({"provider_id": "b", "provider_type": "remote::vlm"}))
        assert of_text(to_text(answer)) == answer
        assert read(again) == of_text(to_text(read(question)))

    def test_is_known_by_a_digest_that_no_version_of_the_operator_may_change(self) -> None:
        """It stands in statuses, where it says with which inputs a stack served: a new one would stop what has served.

        A field that is added to the question has to be left out of its text where a stack does not use it.
        """
        question = ReadingQuestion({"distribution": RELEASE}, "{}", {}, {})
        assert question.digest == "56a334059f55bd2424ddc0e40e59924a"

    def test_is_small_whatever_was_read(self) -> None:
        entries = [{"provider_id": "x" * 2000, "provider_type": f"remote::{'y' * 2000}{n}"} for n in range(100)]
        answer = of_text(to_text(answer_of({"version": 2, "distro_name": "a", "providers": {"inference": entries}})))
        assert len(to_text(answer)) < 1 << 18
        reading = answer.reading
        assert max(len(one.message) for one in reading.findings) <= LONGEST
        assert reading.omitted > 0
        assert len(reading.providers) == 64

    def test_says_how_many_more_mistakes_are_in_what_is_to_be_installed(self) -> None:
        entries = [{"provider_id": f"a{n}", "provider_type": "remote::a", "module": f"?{n}"} for n in range(50)]
        answer = of_text(to_text(answer_of({"version": 2, "providers": {"safety": entries}})))
        assert answer.planned is not None and answer.planned.install is not None
        findings = answer.planned.install.findings
        assert len(findings) == FINDINGS_LIMIT
        assert findings[-1].message == "19 more mistakes were found in what is to be installed"

    def test_has_room_for_the_largest_run_config(self) -> None:
        """One that no compression makes much smaller."""
        noise = b32encode(shake_128(b"noise").digest(SIZE_LIMIT // 2)).decode("ascii")
        run_config = {"version": 2, "providers": {}, "noise": textwrap.wrap(noise, 400)}
        text = to_text(answer_of(run_config))
        answer = of_text(text)
        assert answer.planned is not None and answer.planned.completed is not None
        assert len(text) < LONGEST_ANSWER

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"digest": 1}', "\ud800"])
    def test_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".*"):
            of_text(text)
