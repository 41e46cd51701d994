"""The start check in environments of real releases: providers that start, and configs that the release fills in."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_contract.start_report import StartReport
from llamastack_operator import catalog
from llamastack_resolver.resolution import resolve
from tests.conformance.checks import run_start_check
from tests.conformance.releases import RELEASES, ask, python_of, release

COMMON = """
version: 2
image_name: check
providers:
  inference:
  - {provider_id: vllm, provider_type: "remote::vllm", config: {URL: "http://127.0.0.1:9/v1"}}
  safety:
  - {provider_id: guard, provider_type: "inline::llama-guard", config: {excluded_categories: []}}
  tool_runtime:
  - {provider_id: brave, provider_type: "remote::brave-search", config: {api_key: none}}
"""
STORAGE = """
storage:
  backends:
    kv_default: {type: kv_sqlite, db_path: HOME/kv.db}
    sql_default: {type: sql_sqlite, db_path: HOME/sql.db}
  stores:
    metadata: {backend: kv_default, namespace: registry}
    inference: {backend: sql_default, table_name: inference}
    conversations: {backend: sql_default, table_name: conversations}
"""


def config_of(name: str, home: Path) -> str:
    number = release(name)
    text = COMMON.replace("URL", "base_url" if number >= release("0.4.0") else "url")
    if number >= release("0.3.0"):
        text += STORAGE.replace("HOME", str(home))
    if number >= release("ogx-1.0.0"):
        lines = text.splitlines(keepends=True)
        text = "".join(line for line in lines if "safety" not in line and "llama-guard" not in line)
    return text


def start_check(name: str, home: Path) -> tuple[int, dict]:
    (home / "run.yaml").write_text(config_of(name, home))
    return run_start_check(python_of(name), home)


@pytest.mark.parametrize("name", RELEASES)
def test_built_in_providers_start_without_a_false_error(name: str, tmp_path: Path):
    status, report = start_check(name, tmp_path)

    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert (status, errors) == (0, [])
    assert {provider["state"] for provider in report["providers"]} == {"Ready"}


@pytest.mark.parametrize("name", RELEASES)
def test_its_pod_says_that_it_ships_what_the_catalog_has_of_the_release(name: str, tmp_path: Path):
    (tmp_path / "run.yaml").write_text(config_of(name, tmp_path))
    run_start_check(python_of(name), tmp_path, "--mode", "import", "--termination-log", str(tmp_path / "log"))

    said = StartReport.parse((tmp_path / "log").read_text())

    assert said is not None
    assert (said.release, said.specs) == (name, catalog.load_release(release(name)).specs_digest)


def with_files(name: str, home: Path, own: bool, beside: bool) -> dict[str, Any]:
    """Return a config with files, whose store is its own, that beside it, or none at all."""
    raw: dict[str, Any] = yaml.safe_load(config_of(name, home))
    store: dict[str, Any] = {"backend": "sql_default", "table_name": "files"}
    if beside:
        raw.setdefault("storage", {}).setdefault("stores", {})["vector_stores"] = {**store, "table_name": "vectors"}
    if release(name) < release("0.3.0"):
        raw.pop("storage", None)
        store = {"type": "sqlite", "db_path": str(home / "files.db")}
    config = {"storage_dir": str(home / "files"), **({"metadata_store": store} if own else {})}
    raw["providers"]["files"] = [{"provider_id": "f", "provider_type": "inline::localfs", "config": config}]
    return raw


@pytest.mark.parametrize("name", RELEASES)
def test_a_metadata_store_is_filled_in_where_the_release_fills_it_in(name: str, tmp_path: Path):
    cases = {"none": (False, False), "beside it": (False, True), "its own": (True, False)}
    configs = {key: with_files(name, tmp_path, *case) for key, case in cases.items()}
    # Before 0.3 the config class takes what lacks a store, and the factory does not.
    real = [f"{'ogx' if 'ogx' in name else 'llama_stack'}.providers.inline.files.localfs"]
    theirs = ask(name, {"configs": configs, "real": real}, {}, tmp_path)["configs"]

    for key, raw in configs.items():
        (tmp_path / "run.yaml").write_text(yaml.safe_dump(raw))
        status, report = run_start_check(python_of(name), tmp_path)
        errors = [finding["message"] for finding in report["findings"] if finding["severity"] == "error"]
        assert (status == 0) == (theirs[key] is None), (key, theirs[key], errors)
    assert theirs["its own"] is None


def renamed(raw: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {**raw, "providers": {new if key == old else key: value for key, value in raw["providers"].items()}}


def vectors(name: str, home: Path) -> dict[str, Any]:
    """Return a provider of vector_io."""
    store = (
        {"kvstore": {"type": "sqlite"}}
        if release(name) < release("0.3.0")
        else {"persistence": {"backend": "kv_default", "namespace": "vectors"}}
    )
    config = {"db_path": str(home / "vectors.db"), **store}
    return {"provider_id": "s", "provider_type": "inline::sqlite-vec", "config": config}


@pytest.mark.parametrize("name", RELEASES)
def test_other_spellings_of_apis_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    raw = with_files(name, tmp_path, own=True, beside=False)
    configs = {old: renamed(raw, old, new) for old, new in (("files", "Files"), ("tool_runtime", "tool-runtime"))}
    # Behind a router the exact name is needed, but for what is switched off.
    configs["vector_io"] = {**raw, "providers": {**raw["providers"], "vector_io": [vectors(name, tmp_path)]}}
    configs["vector-io"] = renamed(configs["vector_io"], "vector_io", "vector-io")
    configs["vector-io off"] = copy.deepcopy(configs["vector-io"])
    configs["vector-io off"]["providers"]["vector-io"][0]["provider_id"] = ""
    configs["Inference"] = renamed(raw, "inference", "Inference")
    for listed in ("files", "Files", "Models", "tool_runtime", "tool-runtime"):
        configs[f"apis {listed}"] = {**raw, "apis": ["inference", listed]}
    theirs = ask(name, {"configs": configs}, {}, tmp_path)["configs"]

    for key, config in configs.items():
        findings = resolve(config, catalog.load_release(release(name))).findings
        errors = [finding.message for finding in findings if finding.severity == "error"]
        assert (errors == []) == (theirs[key] is None), (key, theirs[key], errors)
    serving = {key: theirs[key] is None for key in ("vector_io", "vector-io", "vector-io off", "Inference")}
    assert serving == {"vector_io": True, "vector-io": False, "vector-io off": True, "Inference": False}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(configs["files"]))
    status, report = run_start_check(python_of(name), tmp_path)
    warnings = [finding["hint"] for finding in report["findings"] if finding["path"] == "providers.Files"]
    assert (status, warnings) == (0, ["write `files`"])
