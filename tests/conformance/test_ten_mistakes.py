"""Ten mistakes in one config of a real release are ten findings, and none follows from another.

Each mistake is real: the release's own server refuses the config that has it alone, but for the two kinds in
SILENT, which it starts and serves otherwise than written.
"""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator import catalog
from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.resolution import ExternalFiles, resolve
from tests.conformance.releases import RELEASES, ask, release

Config = dict[str, Any]
Mistake = tuple[Callable[[Config], object], str, str]
SILENT = {"DuplicateProviderId", "UnknownField"}
# Both variables are known to be set or not: nothing is unknown, as on a developer's machine.
VARIABLES = {"VLLM_URL": "http://127.0.0.1:9/v1"}


def entry(provider_id: str, provider_type: str, **config: Any) -> Config:
    return {"provider_id": provider_id, "provider_type": provider_type, "config": config}


def add(api: str, *entries: Config) -> Callable[[Config], object]:
    return lambda config: config["providers"].setdefault(api, []).extend(deepcopy(entries))


def put(api: str, **config: Any) -> Callable[[Config], object]:
    """Return a change of the config of an API's first provider."""
    return lambda raw: raw["providers"][api][0]["config"].update(deepcopy(config))


FILES_STORE = {"backend": "sql_default", "table_name": "files"}
BASE: Config = {
    "version": 2,
    "distro_name": "ten",
    "apis": ["inference", "tool_runtime", "files"],
    "providers": {
        "inference": [entry("vllm", "remote::vllm", base_url="${env.VLLM_URL}")],
        "tool_runtime": [entry("brave", "remote::brave-search", api_key="none")],
        "files": [entry("fs", "inline::localfs", storage_dir="files", metadata_store={**FILES_STORE})],
    },
}
RESPONSES = {
    "agent_state": {"backend": "kv_default", "namespace": "agents"},
    "responses": {"backend": "sql_default", "table_name": "responses"},
}
SQLITE = {"type": "sqlite", "db_path": "/tmp/ten.db"}
OLD_BASE: Config = {
    "version": 2,
    "image_name": "ten",
    "apis": ["inference", "vector_io", "tool_runtime"],
    "providers": {
        "inference": [entry("vllm", "remote::vllm", url="${env.VLLM_URL}")],
        "vector_io": [entry("faiss", "inline::faiss", kvstore={"type": "sqlite", "db_path": "/tmp/faiss.db"})],
        "tool_runtime": [entry("brave", "remote::brave-search", api_key="none")],
    },
}
COMMON: list[Mistake] = [
    (
        add("inference", entry("vllm", "remote::openai")),
        "DuplicateProviderId",
        "providers.inference[1].provider_id",
    ),
    (add("models", entry("x", "inline::x")), "RoutedApiOverride", "providers.models"),
    (lambda raw: raw["apis"].append("infernce"), "UnknownApi", "apis[%d]"),
    (lambda raw: raw.setdefault("server", {}).update(port=80), "InvalidRunConfig", "server.port"),
    (put("tool_runtime", api_key="${env.NOT_SET}"), "MissingEnv", "providers.tool_runtime[0].config.api_key"),
]
MISSPELT_BACKEND: Mistake = (
    put("files", metadata_store={**FILES_STORE, "backend": "sql_defalt"}),
    "MissingReference",
    "providers.files[0].config.metadata_store.backend",
)
TEN: dict[str, tuple[Config, list[Mistake]]] = {
    "0.2.17": (
        OLD_BASE,
        [
            *COMMON,
            (
                add("inference", entry("o", "remote::olama")),
                "UnknownProviderType",
                "providers.inference[2].provider_type",
            ),
            (add("responses", entry("r", "inline::builtin")), "UnknownApi", "providers.responses"),
            (put("inference", max_tokens="many"), "InvalidProviderConfig", "providers.inference[0].config.max_tokens"),
            (
                add("agents", entry("a", "inline::meta-reference", persistence_store=SQLITE, responses_store=SQLITE)),
                "MissingDependency",
                "providers.agents[0]",
            ),
            (
                lambda raw: raw.update(models=[{"model_id": "m", "provider_id": "vlm", "model_type": "llm"}]),
                "MissingReference",
                "models[0].provider_id",
            ),
        ],
    ),
    "0.7.3": (
        BASE,
        [
            *COMMON,
            MISSPELT_BACKEND,
            (add("inference", entry("t", "remote::tgi")), "ProviderRemoved", "providers.inference[2].provider_type"),
            (add("agents", entry("a", "inline::meta-reference")), "UnknownApi", "providers.agents"),
            (
                add("responses", entry("r", "inline::builtin", persistence=RESPONSES)),
                "MissingDependency",
                "providers.responses[0]",
            ),
            (
                lambda raw: raw.update(registered_resources={"models": [{"model_id": "m", "provider_id": "vlm"}]}),
                "MissingReference",
                "registered_resources.models[0].provider_id",
            ),
        ],
    ),
    "ogx-1.5.0": (
        BASE,
        [
            *COMMON,
            MISSPELT_BACKEND,
            (
                add("inference", entry("t", "inline::transformers")),
                "ProviderRenamed",
                "providers.inference[2].provider_type",
            ),
            (add("safety", entry("g", "inline::llama-guard")), "UnknownApi", "providers.safety"),
            (
                add("file_processors", entry("p", "inline::pypdff")),
                "UnknownProviderType",
                "providers.file_processors[0].provider_type",
            ),
            (lambda raw: raw.setdefault("server", {}).update(cors=True), "UnknownField", "server.cors"),
        ],
    ),
}


def changed(base: Config, mistakes: list[Mistake]) -> Config:
    raw = deepcopy(base)
    for change, _, _ in mistakes:
        change(raw)
    return raw


def expected(base: Config, mistakes: list[Mistake], prefix: str = "") -> list[tuple[str, str, str]]:
    last = len(base["apis"])
    return sorted(("error", reason, prefix + (path % last if "%" in path else path)) for _, reason, path in mistakes)


@pytest.mark.parametrize("name", TEN)
def test_ten_mistakes_are_ten_findings(name: str):
    base, mistakes = TEN[name]

    resolution = resolve(
        changed(base, mistakes), catalog.load_release(release(name)), Environment(VARIABLES), ExternalFiles({}, {})
    )

    assert len(mistakes) == 10
    assert sorted((f.severity, f.reason, f.path) for f in resolution.findings) == expected(base, mistakes)
    assert all(f.message for f in resolution.findings)


@pytest.mark.parametrize("name", TEN)
def test_without_the_mistakes_there_is_no_finding(name: str):
    files = ExternalFiles({}, {})

    assert resolve(TEN[name][0], catalog.load_release(release(name)), Environment(VARIABLES), files).findings == ()


def test_ten_mistakes_in_a_manifest_are_ten_findings_with_their_lines():
    base, mistakes = TEN["0.7.3"]
    spec = {
        "distribution": {"release": {"package": "llama-stack", "version": "0.7.3"}},
        "runConfig": changed(base, mistakes),
        "server": {"env": [{"name": name, "value": value} for name, value in VARIABLES.items()]},
    }
    manifest = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "ten"},
        "spec": spec,
    }
    (document,) = read_inputs([("stack.yaml", yaml.safe_dump(manifest))])

    findings = resolve_input(document, catalog.load_release(release("0.7.3"))).findings

    found = sorted((f.severity, f.reason, f.path) for f in findings)
    assert found == expected(base, mistakes, "spec.runConfig.")
    assert all(f.line for f in findings)


@pytest.mark.parametrize("name", [name for name in TEN if name in RELEASES])
def test_each_mistake_alone_is_refused_by_the_release(name: str, tmp_path: Path):
    base, mistakes = TEN[name]
    configs = {f"{reason} {path}": changed(base, [(change, reason, path)]) for change, reason, path in mistakes}

    # The store of files is opened by its provider, so that one is the release's own.
    real = [catalog.load_release(release(name)).providers["files"]["inline::localfs"].module]

    task = {"configs": {"none": base, **configs}, "real": real}
    answers = ask(name, task, VARIABLES, tmp_path)["configs"]

    assert answers.pop("none") is None
    assert {key.split()[0] for key, answer in answers.items() if answer is None} <= SILENT
