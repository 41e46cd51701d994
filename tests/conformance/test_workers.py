"""Providers that ogx runs in worker processes, and those that it tells of each other: start check and server agree.

Worker processes are not started (see `probe`): what keeps a server from starting happens before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.checks import run_start_check
from tests.conformance.releases import ROOT, ask, python_of, release
from tests.conformance.test_start_check import STORAGE

NAME = "ogx-1.5.0"
PROVIDER = """
from ogx_api import Api, InlineProviderSpec
def get_provider_spec():
    return InlineProviderSpec(api=Api.{api}, provider_type="inline::mine", module="{name}.impl",
        config_class="{name}.impl.Config", api_dependencies=[{deps}], execution_mode="{mode}")
"""
IMPL = """
from pydantic import BaseModel
class Config(BaseModel): pass
class Base:
    async def initialize(self): {initialize}
    async def shutdown(self): pass
    def set_sibling_providers(self, siblings): {siblings}
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        async def method(*args, **kwargs): pass
        return method
async def get_provider_impl(config, deps): {factory}
"""
FILES = {"provider_id": "f", "provider_type": "inline::localfs"}
STORE = {"backend": "sql_default", "table_name": "files"}
VLLM = {"provider_id": "v", "provider_type": "remote::vllm", "config": {"base_url": "http://127.0.0.1:9/v1"}}


def laid_out(home: Path, **given: str) -> tuple[dict[str, Any], Path]:
    """Write a module, and return the config that names it and the folder that it is in."""
    values = {"api": "file_processors", "deps": "Api.files", "mode": "worker", "name": "mine"}
    values |= {"initialize": "pass", "siblings": "pass", "factory": "return Base()", **given}
    # The server of the probe empties its home.
    folder = home.parent / f"{home.name}-packages"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/__init__.py").write_text("")
    (folder / "mine/provider.py").write_text(PROVIDER.format(**values))
    (folder / "mine/impl.py").write_text(IMPL.format(**values))
    entry = {"provider_id": "m", "provider_type": "inline::mine", "module": "mine"}
    files = {**FILES, "config": {"storage_dir": str(home / "files"), "metadata_store": STORE}}
    providers = {"inference": [VLLM], "files": [files], values["api"]: [entry]}
    raw = {"version": 2, "distro_name": "w", "providers": providers}
    raw |= yaml.safe_load(STORAGE.replace("HOME", str(home)))
    return raw, folder


def both(home: Path, raw: dict[str, Any], folder: Path) -> tuple[str | None, list[str]]:
    """Return why the server does not start, and the errors of the start check."""
    path = os.pathsep.join(map(str, [ROOT / "operator", ROOT, folder]))
    task = {"configs": {"x": raw}, "real": ["mine.impl", "ogx.providers.inline.files.localfs"]}
    theirs = ask(NAME, task, {"PYTHONPATH": path}, home)["configs"]["x"]
    (home / "run.yaml").write_text(yaml.safe_dump(raw))
    _, report = run_start_check(python_of(NAME), home, folders=(folder,))
    return theirs, [finding["message"] for finding in report["findings"] if finding["severity"] == "error"]


def test_a_provider_that_can_be_handed_to_workers_starts(tmp_path: Path):
    assert both(tmp_path, *laid_out(tmp_path)) == (None, [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"api": "tool_runtime", "deps": ""}, "which ogx-1.5.0 has for file_processors alone"),
        ({"deps": ""}, "cannot be handed to worker processes: KeyError"),
        ({"deps": "Api.files, Api.inference"}, "required dependency 'inference' cannot be reconstructed in a worker"),
        ({"mode": "inline", "siblings": "raise OSError('no sibling')"}, "set_sibling_providers() of m failed"),
    ],
    ids=["no proxy", "no files", "a routed dependency", "siblings"],
)
def test_what_cannot_be_handed_over_is_an_error_as_the_server_does_not_start(
    given: dict[str, str], words: str, tmp_path: Path
):
    theirs, (message,) = both(tmp_path, *laid_out(tmp_path, **given))

    assert theirs is not None
    assert words in message


@pytest.mark.parametrize("where", ["factory", "initialize"])
def test_a_factory_that_fails_in_each_worker_is_an_error_though_the_server_starts(where: str, tmp_path: Path):
    """It is never healthy, and never does what its config says."""
    theirs, (message,) = both(tmp_path, *laid_out(tmp_path, **{where: "raise OSError('no model')"}))

    assert theirs is None
    assert "OSError: no model" in message


@pytest.mark.parametrize("name", ["0.7.3", NAME])
def test_nothing_reads_the_router_that_the_vector_store_table_is_given(name: str):
    """So the start check does not hand it over."""
    package = "ogx" if release(name) >= release("ogx-0.8.0") else "llama_stack"
    site = next((python_of(name).parents[1] / "lib").glob("python*/site-packages"))
    used = {
        line.strip()
        for path in (site / package).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if ".vector_io_router" in line
    }
    assert used == {
        "self.vector_io_router = None  # Will be set post-instantiation",
        "vector_stores_routing_table.vector_io_router = vector_io_router",
    }
