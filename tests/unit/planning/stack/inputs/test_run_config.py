"""The shape of a run config: everything wrong in it at once, each with its place, and nothing in it does harm."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from llamastack_operator.planning.stack.inputs.run_config import SIZE_LIMIT, read_text, run_config_findings

PROVIDER = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {}}
PATH = "spec.runConfig"


def shape(run_config: Any) -> list[str]:
    return [finding.message for finding in run_config_findings(run_config, PATH)]


def with_provider(entry: Any) -> dict[str, Any]:
    return {"providers": {"inference": [PROVIDER, entry]}}


@pytest.mark.parametrize(
    "run_config",
    [
        {"providers": {}},
        {"providers": {"inference": []}},
        {"apis": ["inference"], "providers": {"inference": [PROVIDER]}, "anything": {"else": 1}},
        with_provider({"provider_type": "remote::vllm"}),
        with_provider({**PROVIDER, "config": None}),
    ],
)
def test_nothing_is_wrong_with_what_every_release_can_read(run_config: Any) -> None:
    assert shape(run_config) == []


SECOND = "spec.runConfig.providers.inference[1]"
WRONG = [
    (None, "spec.runConfig must be a mapping, not nothing"),
    ("text", "spec.runConfig must be a mapping, not text"),
    ([], "spec.runConfig must be a mapping, not a list"),
    (True, "spec.runConfig must be a mapping, not a boolean"),
    (1.5, "spec.runConfig must be a mapping, not a number"),
    ({}, "spec.runConfig.providers is missing"),
    ({"providers": []}, "spec.runConfig.providers must be a mapping from API to providers, not a list"),
    ({"providers": {}, "apis": "inference"}, "spec.runConfig.apis must be a list of API names, not text"),
    ({"providers": {}, "apis": ["safety", 7]}, "spec.runConfig.apis[1] must be the name of an API, not a number"),
    (
        {"providers": {"inference": {}}},
        "spec.runConfig.providers.inference must be a list of providers, not a mapping",
    ),
    (
        {"providers": {"inference": None}},
        "spec.runConfig.providers.inference must be a list of providers, not nothing",
    ),
    (with_provider("remote::vllm"), f"{SECOND} must be a mapping, not text"),
    (with_provider({"provider_id": "a"}), f"{SECOND}.provider_type must be text, not nothing"),
    (with_provider({"provider_type": 1}), f"{SECOND}.provider_type must be text, not a number"),
    (with_provider({**PROVIDER, "config": []}), f"{SECOND}.config must be a mapping, not a list"),
]


@pytest.mark.parametrize(("run_config", "message"), WRONG)
def test_a_wrong_shape_is_told_with_its_place_and_a_cure(run_config: Any, message: str) -> None:
    (finding,) = run_config_findings(run_config, PATH)
    assert finding.message == message
    assert message.startswith(f"{finding.path} ")
    assert (finding.severity, finding.reason) == ("error", "InvalidRunConfig")
    assert finding.hint


def test_everything_that_is_wrong_is_told_at_once() -> None:
    run_config = {
        "apis": [1, None],
        "providers": {"inference": ["a", {"config": "b"}], "safety": "c"},
    }
    assert [finding.path for finding in run_config_findings(run_config, PATH)] == [
        "spec.runConfig.apis[0]",
        "spec.runConfig.apis[1]",
        "spec.runConfig.providers.inference[0]",
        "spec.runConfig.providers.inference[1].provider_type",
        "spec.runConfig.providers.inference[1].config",
        "spec.runConfig.providers.safety",
    ]


def told(text: str) -> list[str]:
    return [finding.message for finding in read_text(text, "here")[1]]


class TestText:
    def test_that_is_right_has_no_findings(self) -> None:
        assert told("version: 2\nproviders: {inference: [{provider_type: remote::vllm}]}\n") == []

    def test_is_looked_at_like_an_inline_run_config(self) -> None:
        assert told("providers: []") == ["here.providers must be a mapping from API to providers, not a list"]

    def test_that_is_no_yaml_is_told_with_its_place(self) -> None:
        (message,) = told("providers: {a: [")
        assert message.startswith("here cannot be read: ")

    @pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "---\n"])
    def test_that_holds_nothing_is_no_mapping(self, text: str) -> None:
        assert told(text) == ["here must be a mapping, not nothing"]

    def test_with_two_documents_is_refused(self) -> None:
        assert told("providers: {}\n---\nproviders: {}\n") == ["here holds more than one YAML document"]

    @pytest.mark.parametrize("value", ["!!python/object/apply:os.getcwd []", "!secret {}", "{<<: 1}"])
    def test_that_the_servers_safe_loader_refuses_is_refused(self, value: str) -> None:
        text = f"providers: {value}"
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(text)
        (message,) = told(text)
        assert message.startswith("here cannot be read: ")

    @pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
    def test_that_is_too_large_for_a_config_map_is_refused_by_its_bytes(self, letter: str) -> None:
        size = len(letter.encode())
        assert told("#" + letter * (SIZE_LIMIT // size)) == [f"here is larger than {SIZE_LIMIT} bytes"]

    @given(st.text())
    @example("a: &a [*a]")
    @example("a: 2026-13-45")
    @example("? {a: b}\n: c")
    @example("providers: {1: 2}")
    @example("\ufeffproviders: {}")
    @example("a: \ud800")
    @example("<<: 1")
    @example("!!set {a}")
    @example("a: 0b2")
    @example("[" * 3000)
    def test_of_any_kind_gives_findings_and_no_exception(self, text: str) -> None:
        for finding in read_text(text, "here")[1]:
            assert finding.reason == "InvalidRunConfig"

    @given(st.recursive(st.sampled_from(["a", "1", "~", "*x", "&x b", "'", "!!int c", "1e9"]), lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(st.tuples(parts, parts), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    )))  # fmt: skip
    def test_that_is_almost_yaml_gives_findings_and_no_exception(self, text: str) -> None:
        assert all(finding.severity == "error" for finding in read_text(text, "here")[1])
