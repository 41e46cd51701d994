"""External providers and APIs in the controller: what is added to the run config, what is read, what is refused."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.planning.stack.inputs.config_map_texts import Taken, Texts, take
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import llamastack, read_facts, referred, server_text, snapshot

PROVIDER = {"api": "inference", "providerType": "remote::a", "configMapKeyRef": {"name": "files", "key": "a.yaml"}}
API = {"name": "weather", "configMapKeyRef": {"name": "files", "key": "weather.yaml"}}
FIELDS = {"externalProviders": [PROVIDER], "externalApis": [API]}
FROM = {"runConfigFrom": {"configMapKeyRef": {"name": "files", "key": "run.yaml"}}}
A = "adapter_type: a\nmodule: a\nconfig_class: a.Config\n"
WEATHER = "name: weather\nmodule: w\nprotocol: W\n"
FILES = {"providers.d/remote/inference/a.yaml": A, "apis.d/weather.yaml": WEATHER}
RUN = "providers: {inference: [{provider_id: a, provider_type: remote::a}]}\n"
DIRECTORIES = {
    "external_providers_dir": "/etc/llama-stack-external/providers.d",
    "external_apis_dir": "/etc/llama-stack-external/apis.d",
}


def spec(**fields: Any) -> LlamaStackSpec:
    return LlamaStackSpec.model_validate({"distribution": {"image": "a"}, **fields})


def content(**data: str) -> Texts:
    return {("team-a", "files"): data}


def taken_from(fields: dict[str, Any], data: dict[str, str]) -> Taken:
    return take(spec(**fields), "team-a", content(**data))


def inline(**fields: Any) -> str:
    """Return the run config of a stack as its server gets it."""
    return server_text(llamastack(**fields))


def referenced(text: str, **fields: Any) -> str:
    """Return the same for one in a ConfigMap."""
    body = llamastack(**FROM, **fields)
    del body["spec"]["runConfig"]
    return server_text(body, text)


def reading(data: dict[str, str], **fields: Any) -> list[tuple[str, str, str]]:
    """Return the errors that are found in a stack beside a ConfigMap, with where they are."""
    body = llamastack(distribution={"release": {"package": "llama-stack", "version": "0.7.3"}}, **fields)
    if "runConfigFrom" in fields:
        del body["spec"]["runConfig"]
    found = read_facts(body, referred=referred(texts={"files": data})).reading.findings
    return [(one.reason, one.object or "", one.path) for one in found if one.severity == "error"]


class TestTheRunConfig:
    def test_that_is_inline_gets_the_folders(self) -> None:
        assert DIRECTORIES.items() <= yaml.safe_load(inline(**FIELDS)).items()

    def test_gets_only_the_folders_that_there_are(self) -> None:
        assert set(yaml.safe_load(inline(externalApis=[API]))) == {"providers", "external_apis_dir"}

    def test_without_external_fields_is_left_as_it_is(self) -> None:
        assert yaml.safe_load(inline()) == llamastack()["spec"]["runConfig"]
        assert referenced(f"# mine\n{RUN}") == f"# mine\n{RUN}"
        assert taken_from(FROM, {"run.yaml": f"# mine\n{RUN}"}).run_config == f"# mine\n{RUN}"

    def test_of_a_config_map_gets_the_folders_and_means_the_same(self) -> None:
        text = f"{RUN}day: 2026-01-01\n1: number\nnot: .inf\nlong: {'x' * 2000}\n"
        run_config = yaml.safe_load(referenced(text, **FIELDS))
        assert run_config == {**yaml.safe_load(text), **DIRECTORIES}
        assert run_config["day"] == datetime.date(2026, 1, 1)

    @pytest.mark.parametrize("key", DIRECTORIES)
    def test_that_names_a_folder_itself_is_told_to_choose(self, key: str) -> None:
        files = {"a.yaml": A, "weather.yaml": WEATHER}
        inline_one = {"version": 2, "distro_name": "a", "providers": {}, key: "/mine"}
        expected = ("InvalidRunConfig", "", f"spec.runConfig.{key}")
        assert expected in reading(files, runConfig=inline_one, **FIELDS)
        text = f"version: 2\ndistro_name: a\n{RUN}{key}: /mine\n"
        expected = ("InvalidRunConfig", "ConfigMap/files", f'data["run.yaml"].{key}')
        assert expected in reading({**files, "run.yaml": text}, **FROM, **FIELDS)

    def test_that_cannot_be_read_is_told_with_its_place(self) -> None:
        assert reading({"run.yaml": "a: [", "a.yaml": A}, **FROM) == [
            ("InvalidRunConfig", "ConfigMap/files", 'data["run.yaml"]')
        ]


class TestAFile:
    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("a.yaml", "a: ["),
            ("a.yaml", "- 1"),
            ("a.yaml", ""),
            ("weather.yaml", "x"),
            ("weather.yaml", "name: climate"),
            ("weather.yaml", "module: w"),
        ],
    )
    def test_that_is_no_spec_is_an_error_with_its_place(self, key: str, text: str) -> None:
        run_config = {"version": 2, "distro_name": "a", **yaml.safe_load(RUN)}
        found = reading({"a.yaml": A, "weather.yaml": WEATHER, key: text}, runConfig=run_config, **FIELDS)
        entry = "spec.externalProviders[0]" if key == "a.yaml" else "spec.externalApis[0]"
        assert [path for _, where, path in found if path.startswith((f'data["{key}"]', entry))], found

    def test_that_is_a_yaml_bomb_is_an_error(self) -> None:
        bomb = "a: &a [1, 1]\n" + "".join(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 50)}]\n"
            for before, name in zip("abcde", "bcdef", strict=True)
        )
        run_config = {"version": 2, "distro_name": "a", "providers": {}}
        found = reading({"a.yaml": bomb}, runConfig=run_config, externalProviders=[PROVIDER])
        assert ("SpecMissing", "ConfigMap/files", 'data["a.yaml"]') in found

    def test_counts_against_the_size_of_the_config_map(self) -> None:
        files = {**FILES, "apis.d/weather.yaml": "x" * SIZE_LIMIT}
        decided = plan(snapshot(llamastack(**FIELDS), referred=referred(files=files)), WorkloadSettings())
        assert decided.desired is None
        assert [finding.path for finding in decided.findings] == ["spec.externalProviders"]
