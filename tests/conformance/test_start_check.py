"""The start check in environments of real releases: providers that start."""

from pathlib import Path

import pytest

from tests.conformance.checks import run_start_check
from tests.conformance.releases import RELEASES, python_of, release

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
