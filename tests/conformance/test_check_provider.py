"""What `llamastack check-provider` says of modules, each written here, beside a real llama-stack and a real ogx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.releases import ENVIRONMENT, ROOT, python_of

PACKAGE = """
from typing import Any
from pydantic import BaseModel, Field, field_validator
HEAD
class Config(BaseModel):
    url: str = "http://127.0.0.1:9"
    limit: int = Field(default=3, ge=1)
class Impl:
    def __init__(self, config): self.config = config
    async def initialize(self): pass
    async def shutdown(self): pass
METHODS
FACTORY
"""
PROVIDER = """
from API_MODULE import Api, RemoteProviderSpec
HEAD
def get_provider_spec():
    return RETURNED
TAIL
"""
SPEC = """RemoteProviderSpec(api=Api.tool_runtime, provider_type="remote::greeter", adapter_type="greeter",
        module="greeter", config_class="greeter.Config", pip_packages=[])"""
FACTORY = "async def get_adapter_impl(config, deps):\n    impl = Impl(config)\n    return impl"
UNTOLD = "async def get_adapter_impl(config, deps):\n    return make(config)\ndef make(config): return Impl(config)"
BUILTIN = {"0.7.3": "llama_stack_api", "ogx-1.5.0": "ogx_api"}
METHODS = {
    "register_toolgroup": "self, toolgroup",
    "unregister_toolgroup": "self, toolgroup_id",
    "list_runtime_tools": "self, tool_group_id=None, mcp_endpoint=None, authorization=None",
    "invoke_tool": "self, tool_name, kwargs, authorization=None",
}


@dataclass(frozen=True)
class Module:
    """A module that is written for a test; every part of it is right unless it is given."""

    methods: tuple[tuple[str, str], ...] = tuple(METHODS.items())
    factory: str = FACTORY
    returned: str = SPEC
    head: str = ""
    provider_head: str = ""
    provider_tail: str = ""


@dataclass(frozen=True)
class Seen:
    """What the command did."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [(f["reason"], f["message"]) for f in self.report["findings"] if f["severity"] == "error"]

    @property
    def states(self) -> list[str]:
        return [one["state"] for one in self.report["providers"]]


def write(home: Path, module: Module, release: str) -> None:
    folder = home / "modules" / "greeter"
    folder.mkdir(parents=True)
    methods = "\n".join(f"    async def {name}({parameters}): return None" for name, parameters in module.methods)
    text = PACKAGE.replace("HEAD", module.head).replace("METHODS", methods).replace("FACTORY", module.factory)
    (folder / "__init__.py").write_text(text)
    provider = (
        PROVIDER.replace("HEAD", module.provider_head)
        .replace("RETURNED", module.returned)
        .replace("TAIL", module.provider_tail)
    )
    (folder / "provider.py").write_text(provider.replace("API_MODULE", BUILTIN[release]))
    info = home / "modules" / "greeter-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeter\nVersion: 1.2\n")


def check(home: Path, release: str, *options: str, module: str = "greeter", python: Path | None = None) -> Seen:
    command = [str(python or python_of(release)), "-W", "ignore", "-m", "llamastack_operator.cli", "check-provider"]
    path = os.pathsep.join(map(str, [ROOT / "operator", home / "modules"]))
    done = subprocess.run(
        [*command, module, *options],
        env={**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": path, "GREETER_API_KEY": "canary-value"},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return Seen(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=BUILTIN)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_good_module_has_no_findings_and_its_class_is_looked_at(release: str, tmp_path: Path):
    write(tmp_path, Module(), release)

    seen = check(tmp_path, release, "-o", "json")

    assert (seen.status, seen.report) == (
        0,
        {
            "stackVersion": release,
            "module": "greeter",
            "version": "1.2",
            "providers": [
                {
                    "api": "tool_runtime",
                    "type": "remote::greeter",
                    "state": "Imported",
                    "message": "Impl was looked at, and not started",
                }
            ],
            "findings": [],
        },
    )


def without(name: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in METHODS.items() if key != name)


EXITS = "import os\nos._exit(0)"
RAISES = "import os\nraise ValueError(os.environ['GREETER_API_KEY'])"
INVOKE = (*without("invoke_tool"), ("invoke_tool", "self, tool_name, kwargs, other, authorization=None"))
BAD = {
    "lacks a method": (
        Module(without("invoke_tool")),
        ("MissingMethod", "Impl.invoke_tool is missing (ToolRuntime)"),
        ["NonCompliant"],
    ),
    "asks for more": (
        Module(INVOKE),
        ("SignatureMismatch", "Impl.invoke_tool asks for other besides"),
        ["NonCompliant"],
    ),
    "sync factory": (
        Module(factory=FACTORY.removeprefix("async ")),
        ("InstantiationFailed", "get_adapter_impl() has to be async: it returns Impl"),
        ["Failed"],
    ),
    "other factory": (
        Module(factory="async def get_provider_impl(config, deps): return Impl(config)"),
        ("SpecMissing", "greeter has no get_adapter_impl()"),
        ["Failed"],
    ),
    "factory takes too little": (
        Module(factory="async def get_adapter_impl(config): return Impl(config)"),
        ("InstantiationFailed", "get_adapter_impl() cannot be called with config and dependencies: too many"),
        ["Failed"],
    ),
    "class cannot be imported": (
        Module(
            factory="async def get_adapter_impl(config, deps):\n    from greeter.no import It\n    return It(config)"
        ),
        ("ModuleImportFailed", "importing remote::greeter failed: ModuleNotFoundError: No module named 'greeter.no'"),
        ["Failed"],
    ),
    "no config class": (
        Module(returned=SPEC.replace("greeter.Config", "greeter.Gone")),
        ("ModuleImportFailed", "config class greeter.Gone: AttributeError"),
        ["Failed"],
    ),
    "no spec": (Module(returned="[]"), ("SpecMissing", "get_provider_spec() of greeter returns an empty list"), []),
    "raises SystemExit": (
        Module(provider_head="raise SystemExit"),
        ("ModuleImportFailed", "importing greeter.provider failed: SystemExit"),
        [],
    ),
    "no get_provider_spec()": (
        Module(provider_tail="del get_provider_spec"),
        ("SpecMissing", "greeter.provider has no get_provider_spec()"),
        [],
    ),
    "exits at import": (
        Module(provider_head=EXITS),
        ("ModuleImportFailed", "importing greeter: ended the process, with status 0"),
        [],
    ),
    "exits at import of its class": (
        Module(factory="async def get_adapter_impl(config, deps):\n    from greeter.out import It\n    return It()"),
        ("ModuleImportFailed", "looking at the factory of remote::greeter: ended the process, with status 3"),
        ["Failed"],
    ),
    "raises a secret": (
        Module(head=RAISES),
        ("ModuleImportFailed", "importing greeter failed: ValueError: [redacted] (greeter/__init__.py:5)"),
        [],
    ),
    "deprecated": (
        Module(returned=SPEC.replace("pip_packages", 'deprecation_error="use remote::other", pip_packages')),
        ("ProviderDeprecationError", "use remote::other"),
        [],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_module_that_is_wrong_is_told_with_its_reason(name: str, release: str, tmp_path: Path):
    module, (reason, words), states = BAD[name]
    write(tmp_path, module, release)
    (tmp_path / "modules" / "greeter" / "out.py").write_text("import os\nos._exit(3)")

    seen = check(tmp_path, release, "-o", "json")

    assert (seen.status, seen.states) == (1, states), seen.out + seen.err
    assert [error for error, _ in seen.errors] == [reason]
    assert seen.errors[0][1].startswith(words)
    assert "canary" not in seen.out + seen.err


def test_parameters_that_differ_are_a_warning_which_passes(release: str, tmp_path: Path):
    write(tmp_path, Module((*without("invoke_tool"), ("invoke_tool", "self, tool_name"))), release)

    seen = check(tmp_path, release, "-o", "json")

    assert (seen.status, seen.states) == (0, ["Imported"])
    assert [(one["severity"], one["reason"]) for one in seen.report["findings"]] == [("warning", "SignatureMismatch")]


def test_a_module_that_hangs_is_told_when_its_time_is_over(tmp_path: Path):
    write(tmp_path, Module(head="import time\ntime.sleep(1e6)"), "0.7.3")

    seen = check(tmp_path, "0.7.3", "-o", "json", "--deadline", "40")

    assert (seen.status, seen.errors) == (1, [("ModuleImportFailed", "importing greeter: not started after 40 s")])


def test_a_module_that_is_not_installed_is_no_verdict(release: str, tmp_path: Path):
    seen = check(tmp_path, release, module="nowhere")

    assert seen.status == 2
    assert "nowhere is not installed here" in seen.out


def test_where_no_release_is_installed_there_is_nothing_to_check_against(tmp_path: Path):
    write(tmp_path, Module(), "0.7.3")

    seen = check(tmp_path, "", python=Path(sys.executable))

    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith("llamastack: neither llama-stack nor ogx is installed here")


class TestStarting:
    def config(self, home: Path, text: str) -> str:
        (home / "config.yaml").write_text(text)
        return str(home / "config.yaml")

    def test_with_a_config_the_provider_is_started_and_its_instance_looked_at(self, release: str, tmp_path: Path):
        write(tmp_path, Module(without("invoke_tool"), factory=UNTOLD), release)
        untold = check(tmp_path, release, "-o", "json")
        assert (untold.status, untold.states) == (0, ["Imported"])
        assert "start it with --config" in untold.report["providers"][0]["message"]

        seen = check(tmp_path, release, "-o", "json", "--config", self.config(tmp_path, "limit: 2"))

        assert (seen.status, seen.states) == (1, ["NonCompliant"])
        assert seen.errors == [("MissingMethod", "Impl.invoke_tool is missing (ToolRuntime)")]

    def test_one_that_starts_is_ready(self, release: str, tmp_path: Path):
        write(tmp_path, Module(factory=UNTOLD), release)

        seen = check(tmp_path, release, "-o", "json", "--config", self.config(tmp_path, "limit: 2"))

        assert (seen.status, seen.states, seen.report["findings"]) == (0, ["Ready"], []), seen.out

    def test_a_config_that_its_class_refuses_is_told_at_its_key(self, release: str, tmp_path: Path):
        write(tmp_path, Module(), release)

        seen = check(tmp_path, release, "-o", "json", "--config", self.config(tmp_path, "limit: 0"))

        assert (seen.status, seen.states) == (1, ["Failed"])
        (finding,) = seen.report["findings"]
        assert (finding["reason"], finding["path"]) == (
            "InvalidProviderConfig",
            "providers.tool_runtime[0].config.limit",
        )

    def test_a_factory_that_hangs_ends_in_a_finding(self, tmp_path: Path):
        write(tmp_path, Module(factory="async def get_adapter_impl(config, deps):\n    while True: pass"), "0.7.3")
        options = ("--config", self.config(tmp_path, "limit: 2"), "--deadline", "40")

        seen = check(tmp_path, "0.7.3", "-o", "json", *options)

        message = "starting remote::greeter: not started after 40 s"
        assert (seen.status, seen.errors) == (1, [("InstantiationFailed", message)])
        assert seen.states == ["Failed"]

    def test_of_several_providers_one_has_to_be_chosen(self, tmp_path: Path):
        write(tmp_path, Module(returned=f"[{SPEC}, {SPEC.replace('remote::greeter', 'remote::other')}]"), "0.7.3")
        config = self.config(tmp_path, "limit: 2")

        unclear = check(tmp_path, "0.7.3", "--config", config)
        chosen = check(tmp_path, "0.7.3", "-o", "json", "--config", config, "--type", "tool_runtime/remote::other")
        both = check(tmp_path, "0.7.3", "-o", "json")

        assert (unclear.status, "choose one with --type" in unclear.err) == (2, True)
        assert (chosen.status, [one["type"] for one in chosen.report["providers"]]) == (0, ["remote::other"])
        assert (both.status, len(both.report["providers"])) == (0, 2)

    def test_a_release_that_does_not_start_is_no_fault_of_the_provider(self, tmp_path: Path):
        """The package that the release lacks is made unusable: the one that is installed is in order."""
        write(tmp_path, Module(), "0.7.3")
        (tmp_path / "modules" / "mcp.py").write_text("raise ImportError('too new')")

        seen = check(tmp_path, "0.7.3", "--config", self.config(tmp_path, "limit: 2"))

        assert (seen.status, "no provider can be started here: 0.7.3 refuses" in seen.err) == (2, True), seen.out

    def test_one_that_needs_others_cannot_be_started_alone(self, tmp_path: Path):
        spec = SPEC.replace("pip_packages", "api_dependencies=[Api.inference], pip_packages")
        write(tmp_path, Module(returned=spec), "0.7.3")

        seen = check(tmp_path, "0.7.3", "--config", self.config(tmp_path, "limit: 2"))

        assert (seen.status, "remote::greeter needs inference" in seen.err) == (2, True)
