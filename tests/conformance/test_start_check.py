"""The start check in environments of real releases: providers that start, and instances that lack
something."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.conformance.releases import ENVIRONMENT, RELEASES, ROOT, python_of, release

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
# Damages one method of a real implementation in each way, and prints what the check says of each.
DAMAGE = """
import importlib, inspect, json, sys
from llamastack_resolver.compliance import check_protocol_compliance
from llamastack_resolver.installed import installed_knowledge
module, name, api, method = sys.argv[1:]
knowledge = installed_knowledge(problems=[])
protocol = knowledge.compliance_protocol(api)
base = getattr(importlib.import_module(module), name)
protocol_module, _, protocol_name = protocol.class_name.rpartition('.')
declared = getattr(importlib.import_module(protocol_module), protocol_name)
def problems(cls):
    return [[v.method, v.problem] for v in check_protocol_compliance(object.__new__(cls), protocol)]
def without(cls):
    body = {k: v for c in reversed(cls.__mro__) if not getattr(c, '_is_protocol', False) and c is not object
            for k, v in vars(c).items() if k not in ('__dict__', '__weakref__', method)}
    return type(cls.__name__, (), body)
async def renamed(self, something_else): pass
result = {'complete': problems(base), 'missing': problems(without(base))}
result['not_callable'] = problems(type('Changed', (base,), {method: 5}))
result['signature_mismatch'] = problems(type('Changed', (base,), {method: renamed}))
result['not_actually_implemented'] = problems(type('Changed', (without(base), declared), {}))
print(json.dumps(result))
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
    config = home / "run.yaml"
    config.write_text(config_of(name, home))
    command = [str(python_of(name)), "-W", "ignore", "-m", "llamastack_resolver", "start-check"]
    variables = {**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(
        [*command, "--config", str(config)],
        env=variables,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", RELEASES)
def test_built_in_providers_start_without_a_false_error(name: str, tmp_path: Path):
    status, report = start_check(name, tmp_path)

    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert (status, errors) == (0, [])
    assert {provider["state"] for provider in report["providers"]} == {"Ready"}


@pytest.mark.parametrize("name", RELEASES)
def test_a_damaged_implementation_is_found_out_on_every_release(name: str, tmp_path: Path):
    root = "ogx" if name.startswith("ogx") else "llama_stack"
    target = [f"{root}.providers.remote.tool_runtime.brave_search.brave_search", "BraveSearchToolRuntimeImpl"]
    command = [str(python_of(name)), "-W", "ignore", "-c", DAMAGE, *target, "tool_runtime", "invoke_tool"]
    variables = {**ENVIRONMENT, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "operator")}

    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.pop("complete") == []
    for problem, found in result.items():
        assert ["invoke_tool", problem] in found, problem
