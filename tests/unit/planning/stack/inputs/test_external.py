"""External providers and APIs in the controller: what is added to the run config, what is read, what is refused."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any, cast

import pytest
import yaml

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.controller.stack import gather
from llamastack_operator.controller.stack.gather import Gatherer
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.planning.stack.inputs import config_map_texts
from llamastack_operator.planning.stack.inputs.config_map_texts import Taken, take, texts_of
from llamastack_operator.planning.stack.inputs.run_config import SIZE_LIMIT
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import llamastack, referred, snapshot

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


def content(**data: str) -> Mapping[Any, ConfigMapContent | None]:
    return {("team-a", "files"): ConfigMapContent(1, data, {})}


def taken_from(fields: dict[str, Any], data: dict[str, str]) -> Taken:
    return take(spec(**fields), texts_of(spec(**fields), "team-a", content(**data)))


class TestTheRunConfig:
    def test_that_is_inline_gets_the_folders(self) -> None:
        kept = stack_from(llamastack(**FIELDS))
        assert kept.findings == ()
        assert DIRECTORIES.items() <= yaml.safe_load(kept.run_config or "").items()

    def test_gets_only_the_folders_that_there_are(self) -> None:
        kept = stack_from(llamastack(externalApis=[API]))
        assert set(yaml.safe_load(kept.run_config or "")) == {"providers", "external_apis_dir"}

    def test_without_external_fields_is_left_as_it_is(self) -> None:
        body = llamastack()
        assert yaml.safe_load(stack_from(body).run_config or "") == body["spec"]["runConfig"]
        assert taken_from(FROM, {"run.yaml": f"# mine\n{RUN}"}).run_config == f"# mine\n{RUN}"

    def test_of_a_config_map_gets_the_folders_and_means_the_same(self) -> None:
        text = f"{RUN}day: 2026-01-01\n1: number\nnot: .inf\nlong: {'x' * 2000}\n"
        run_config = taken_from({**FROM, **FIELDS}, {"run.yaml": text, "a.yaml": A, "weather.yaml": WEATHER}).run_config
        assert yaml.safe_load(run_config or "") == {**yaml.safe_load(text), **DIRECTORIES}
        assert yaml.safe_load(run_config or "")["day"] == datetime.date(2026, 1, 1)

    @pytest.mark.parametrize("key", DIRECTORIES)
    def test_that_names_a_folder_itself_is_told_to_choose(self, key: str) -> None:
        (finding,) = stack_from(llamastack(runConfig={"providers": {}, key: "/mine"}, **FIELDS)).findings
        assert (finding.severity, finding.path) == ("error", f"spec.runConfig.{key}")
        assert finding.hint is not None and finding.hint.startswith(f"Remove `{key}`")
        (finding,) = taken_from({**FROM, **FIELDS}, {"run.yaml": f"{RUN}{key}: /mine\n"}).findings
        assert finding.path == f"spec.runConfigFrom.configMapKeyRef.{key}"

    def test_that_cannot_be_read_is_told_with_the_files(self) -> None:
        findings = taken_from({**FROM, **FIELDS}, {"run.yaml": "a: [", "a.yaml": "- 1"}).findings
        assert [finding.path for finding in findings] == [
            "spec.runConfigFrom.configMapKeyRef",
            "spec.externalProviders[0].configMapKeyRef",
        ]


class TestAFile:
    @pytest.mark.parametrize(
        ("key", "text", "reason", "path"),
        [
            ("a.yaml", "a: [", "InvalidExternalSpec", "spec.externalProviders[0].configMapKeyRef"),
            ("a.yaml", "- 1", "InvalidExternalSpec", "spec.externalProviders[0].configMapKeyRef"),
            ("a.yaml", "", "InvalidExternalSpec", "spec.externalProviders[0].configMapKeyRef"),
            ("weather.yaml", "x", "InvalidExternalSpec", "spec.externalApis[0].configMapKeyRef"),
            ("weather.yaml", "name: climate", "InvalidExternalSpec", "spec.externalApis[0].name"),
            ("weather.yaml", "module: w", "InvalidExternalSpec", "spec.externalApis[0].name"),
        ],
    )
    def test_that_is_no_spec_is_an_error(self, key: str, text: str, reason: str, path: str) -> None:
        found = taken_from(FIELDS, {"a.yaml": A, "weather.yaml": WEATHER, key: text}).findings
        assert [(item.severity, item.reason, item.path) for item in found] == [("error", reason, path)]

    def test_that_is_a_yaml_bomb_is_an_error(self) -> None:
        bomb = "a: &a [1, 1]\n" + "".join(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 50)}]\n"
            for before, name in zip("abcde", "bcdef", strict=True)
        )
        (finding,) = taken_from({"externalProviders": [PROVIDER]}, {"a.yaml": bomb}).findings
        assert finding.reason == "InvalidExternalSpec"

    def test_counts_against_the_size_of_the_config_map(self) -> None:
        files = {**FILES, "apis.d/weather.yaml": "x" * SIZE_LIMIT}
        decided = plan(snapshot(llamastack(**FIELDS), referred=referred(files=files)), WorkloadSettings())
        assert decided.desired is None
        assert [finding.path for finding in decided.findings] == ["spec.externalProviders"]
        assert take(spec(**FIELDS), files).findings == ()


class Reads:
    """A client that counts: that real ConfigMaps are read and followed is pinned in tests/e2e/test_external.py."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    async def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any]:
        return self.body


def test_files_are_parsed_once_for_each_version(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    monkeypatch.setattr(gather, "take", lambda *inputs: parsed.append(inputs) or config_map_texts.take(*inputs))
    metadata = {"namespace": "team-a", "name": "files", "uid": "u", "resourceVersion": "7"}
    body = {"metadata": metadata, "data": {"a.yaml": A, "weather.yaml": WEATHER}}
    referents = Referents(cast(Client, Reads(body)))
    stacks = Cache[Any]()
    gatherer = Gatherer(stacks, {}, Cache(), referents)
    stack = stack_from(llamastack(**FIELDS))
    stacks.put(stack)

    async def twice_and_edit() -> list[Any]:
        first = await gatherer.gather(stack.key)
        second = await gatherer.gather(stack.key)
        body["metadata"] = {**metadata, "resourceVersion": "8"}
        body["data"] = {"a.yaml": A + "# edited\n", "weather.yaml": WEATHER}
        referents.watched.remove(("team-a", "files"))
        noticed = referents.convert(body)
        assert noticed is not None
        referents.watched.put(noticed)
        return [first, second, await gatherer.gather(stack.key)]

    first, second, third = asyncio.run(twice_and_edit())
    assert first.referred == second.referred
    assert first.referred.files == FILES
    assert third.referred.files["providers.d/remote/inference/a.yaml"].endswith("# edited\n")
    assert first.referred.digest != third.referred.digest
    assert len(parsed) == 2
