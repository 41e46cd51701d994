"""An API of one's own with a provider of its own: upstream's example of bringing one's own API, on real releases.

Its `available_providers()` fails on every release, which only logs it: `Api` has no attribute of the new name. The
provider comes from the providers directory.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator import catalog
from llamastack_resolver.documents.complete import default_storage
from llamastack_resolver.resolution import ExternalFiles, resolve
from tests.conformance.checks import run_start_check
from tests.conformance.releases import RELEASES, python_of, release
from tests.conformance.servers import served

API = """
from typing import Protocol
from {specs} import Api, InlineProviderSpec
{webmethod}
def available_providers():
    return [InlineProviderSpec(api=Api.weather, provider_type="inline::kaze", config_class="kaze.Config")]
class Weather(Protocol):
    {mark}
    async def locations(self) -> dict[str, list[str]]: ...
"""
ROUTER = """
def create_router(impl):
    from fastapi import APIRouter
    router = APIRouter(prefix="/v1")
    router.add_api_route("/weather/locations", impl.locations, methods=["GET"])
    return router
"""
KAZE = """
from pydantic import BaseModel
from weather_api import Weather
class Config(BaseModel): pass
class Kaze(Weather):
    async def initialize(self) -> None: pass
    async def locations(self) -> dict[str, list[str]]:
        return {"locations": ["Paris", "Tokyo"]}
async def get_adapter_impl(config, deps):
    return Kaze()
async def get_provider_impl(config, deps):
    return Kaze()
"""
REMOTE = {"adapter_type": "kaze", "module": "kaze", "config_class": "kaze.Config", "pip_packages": []}
# Releases of the marks, and those that ask the module for a router.
WITH_MARKS = [name for name in RELEASES if release(name) < release("0.4.0")]
WITH_ROUTERS = [name for name in RELEASES if release(name) >= release("0.7.0")]


def specs_module(name: str) -> str:
    """Return the module of a release that has the classes of specs."""
    if release(name) >= release("ogx-0.8.0"):
        return "ogx_api"
    return "llama_stack.providers.datatypes" if release(name) < release("0.4.0") else "llama_stack_api"


def laid_out(name: str, folder: Path) -> dict[str, Any]:
    """Write packages and directories, and return the run config that names them."""
    number = release(name)
    specs = specs_module(name)
    webmethod, mark = "", ""
    if name in WITH_MARKS:
        level = "" if number < release("0.2.23") else ', level="v1"'
        webmethod = "from llama_stack.schema_utils import webmethod"
        mark = f'@webmethod(route="/weather/locations", method="GET"{level})'
    (folder / "providers.d/remote/weather").mkdir(parents=True)
    (folder / "apis.d").mkdir()
    (folder / "weather_api.py").write_text(API.format(specs=specs, webmethod=webmethod, mark=mark) + ROUTER)
    (folder / "kaze.py").write_text(KAZE)
    flat = number >= release("0.2.23")
    provider = REMOTE if flat else {"adapter": REMOTE, "optional_api_dependencies": []}
    (folder / "providers.d/remote/weather/kaze.yaml").write_text(yaml.safe_dump(provider))
    weather = {"name": "weather", "module": "weather_api", "protocol": "Weather", "pip_packages": []}
    (folder / "apis.d/weather.yaml").write_text(yaml.safe_dump(weather))
    config: dict[str, Any] = {
        "version": 2,
        "image_name": "byoa",
        "apis": ["weather"],
        "providers": {"weather": [{"provider_id": "kaze", "provider_type": "remote::kaze", "config": {}}]},
        "external_apis_dir": str(folder / "apis.d"),
        "external_providers_dir": str(folder / "providers.d"),
    }
    return config | ({"storage": default_storage()} if number >= release("0.3.0") else {})


def checked(name: str, config: dict[str, Any], folder: Path, home: Path) -> dict[str, Any]:
    (home / "run.yaml").write_text(json.dumps(config))
    return run_start_check(python_of(name), home, folders=(folder,))[1]


def errors(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f["reason"], f["path"]) for f in report["findings"] if f["severity"] == "error"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("name", RELEASES)
def test_the_example_is_right_everywhere(name: str, tmp_path: Path, home: Path):
    config = laid_out(name, tmp_path / "files")

    report = checked(name, config, tmp_path / "files", home)

    assert errors(report) == []
    assert [(p["id"], p["state"]) for p in report["providers"]] == [("kaze", "Ready")]
    said = [f["message"] for f in report["findings"] if f["path"] == "external_apis_dir:weather"]
    assert ["weather_api.available_providers()" in message for message in said] == [True]
    offline = resolve(config, catalog.load_release(release(name)), files=ExternalFiles())
    assert not offline.has_errors


@pytest.mark.parametrize("name", WITH_MARKS + WITH_ROUTERS)
def test_a_real_server_serves_the_example(name: str, tmp_path: Path, home: Path):
    config = laid_out(name, tmp_path / "files")

    with served(name, "", home, config=config, packages=tmp_path / "files") as connection:
        assert connection.request("GET", "/v1/weather/locations") == {"locations": ["Paris", "Tokyo"]}


def spelled(config: dict[str, Any], folder: Path, named: str, used: str) -> dict[str, Any]:
    """Return the config with the API as its file spells it, and as the config does.

    The folder of its providers has the name that the release keeps it under.
    """
    file = folder / "apis.d/weather.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "name": named}))
    (folder / "providers.d/remote/weather").rename(folder / "providers.d/remote" / named.lower().replace("-", "_"))
    return {**config, "apis": [used], "providers": {used: config["providers"]["weather"]}}


SPELLINGS = [("Weather", "Weather"), ("my-weather", "my-weather"), ("my-weather", "My_Weather")]


@pytest.mark.parametrize("name", WITH_MARKS + WITH_ROUTERS)
@pytest.mark.parametrize(("named", "used"), SPELLINGS)
def test_a_real_server_serves_other_spellings(name: str, named: str, used: str, tmp_path: Path, home: Path):
    config = spelled(laid_out(name, tmp_path / "files"), tmp_path / "files", named, used)

    report = checked(name, config, tmp_path / "files", home)

    assert errors(report) == []
    hints = {f["hint"] for f in report["findings"] if f["reason"] == "UnknownApi"}
    assert hints == (set() if named == used else {f"write `{named}`"})
    assert [(p["id"], p["state"]) for p in report["providers"]] == [("kaze", "Ready")]
    with served(name, "", home, config=config, packages=tmp_path / "files") as connection:
        assert connection.request("GET", "/v1/weather/locations") == {"locations": ["Paris", "Tokyo"]}


@pytest.mark.parametrize("name", RELEASES)
def test_an_api_that_nothing_uses_may_lack_its_module(name: str, tmp_path: Path, home: Path):
    config = laid_out(name, tmp_path / "files")
    (tmp_path / "files/weather_api.py").unlink()
    used = checked(name, config, tmp_path / "files", home)
    vllm = {"provider_id": "v", "provider_type": "remote::vllm", "config": {}}
    unused = checked(
        name, {**config, "apis": ["inference"], "providers": {"inference": [vllm]}}, tmp_path / "files", home
    )

    assert errors(used) == [("ModuleNotFound", "external_apis_dir:weather")]
    assert ("ModuleNotFound", "info") in [(f["reason"], f["severity"]) for f in unused["findings"]]
    assert "ModuleNotFound" not in [reason for reason, _ in errors(unused)]


@pytest.mark.parametrize(
    ("module", "path", "provider"),
    [("weather_api", "external_apis_dir:weather", None), ("kaze", "providers.weather[0]", "kaze")],
)
def test_a_module_that_ends_the_check_is_named_though_no_entry_names_it(
    module: str, path: str, provider: str | None, tmp_path: Path
):
    """Neither that of an API nor that of a provider of a directory stands in the run config."""
    folder, home = tmp_path / "packages", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    config = laid_out("0.7.3", folder)
    (folder / f"{module}.py").write_text("import os\nos._exit(0)\n")

    report = checked("0.7.3", config, folder, home)

    (error,) = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert (report["verdict"], error["path"], error.get("provider")) == ("Failed", path, provider)
    assert "ended the process, with status 0" in error["message"]
