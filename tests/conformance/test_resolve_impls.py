"""`resolve_impls` beside the release's own: the same registry, the same implementations."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llamastack_resolver.documents.complete import default_storage
from tests.conformance.releases import ENVIRONMENT, RELEASES, ROOT, python_of, release

SAMPLE = """
import inspect
from pydantic import BaseModel
from llamastack_resolver.introspection import find_layout
layout = find_layout()
class Config(BaseModel):
    foo: str
class Impl:
    def __init__(self, config, deps, policy):
        self.config, self.deps, self.policy = config, deps, policy
    async def initialize(self): ...
def method(declared):
    async def answer(self, *args, **kwargs): return None
    answer.__signature__ = inspect.signature(declared)
    return answer
protocol = layout.resolver.api_protocol_map()[layout.api("files")]
for name, declared in inspect.getmembers(protocol, inspect.isfunction):
    if not name.startswith("_"):
        setattr(Impl, name, method(declared))
async def get_provider_impl(config, deps, policy):
    return Impl(config, deps, policy)
"""
PROGRAM = """
import asyncio, inspect, json, sys
from pathlib import Path
from llamastack_resolver.config.env import Environment
from llamastack_resolver.introspection import find_layout
from llamastack_resolver.start.implementations import resolve_impls
from llamastack_resolver.start.runtime import MemoryRegistry
layout = find_layout()
raw = json.loads(Path("run.json").read_text())
spec = layout.spec_class("InlineProviderSpec")(
    api=layout.api("files"), provider_type="inline::sample", module="sample", config_class="sample.Config")
registry = {layout.api("files"): {"inline::sample": spec}}
policy = [layout.resolver.AccessRule(permit={"actions": ["read"]}, description="mine")]
def told(impls):
    return {getattr(api, "value", api): {
        "class": type(impl).__name__, "id": impl.__provider_id__, "foo": impl.config.foo,
        "policy": [rule.description for rule in impl.policy],
        "spec": impl.__provider_spec__ is spec, "deps": sorted(map(str, impl.deps))}
        for api, impl in impls.items() if type(impl).__name__ == "Impl"}
async def main():
    mine, _ = await resolve_impls(
        raw, Environment({}), provider_registry=registry, dist_registry=MemoryRegistry(), policy=policy)
    config = layout.module("configure").parse_and_maybe_upgrade_config(raw)
    own = await layout.resolver.resolve_impls(config, registry, MemoryRegistry(), policy)
    print(json.dumps([told(mine), told(own)]))
asyncio.run(main())
"""


def both(name: str, home: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    (home / "sample.py").write_text(SAMPLE)
    (home / "run.json").write_text(json.dumps(config))
    variables = {**ENVIRONMENT, "HOME": str(home), "SQLITE_STORE_DIR": str(home)}
    variables["PYTHONPATH"] = f"{ROOT / 'operator'}:{home}"
    command = [str(python_of(name)), "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("name", RELEASES)
def test_a_given_registry_and_policy_are_used_as_the_release_uses_them(name: str, tmp_path: Path):
    entry = {"provider_id": "s", "provider_type": "inline::sample", "config": {"foo": "bar"}, "module": "not_looked_at"}
    config = {"version": 2, "image_name": "x", "apis": ["files"], "providers": {"files": [entry]}}
    if release(name) >= release("0.3.0"):
        config["storage"] = default_storage()

    mine, own = both(name, tmp_path, config)

    expected = {"class": "Impl", "id": "s", "foo": "bar", "policy": ["mine"], "spec": True, "deps": []}
    assert mine == own == {"files": expected}
