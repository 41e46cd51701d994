"""Real releases read the files of `spec.externalProviders` and `spec.externalApis` as the pods have them.

Only the folder differs: the files are laid out below a temporary one, and the run config is made to say so.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.documents.complete import default_storage
from tests.conformance.releases import RELEASES, ask
from tests.support.world import llamastack, referred, snapshot

ROOT = "/etc/llama-stack-external"
PROVIDER = """from pydantic import BaseModel
class Config(BaseModel):
    url: str
async def get_adapter_impl(config, deps): ...
async def get_provider_impl(config, deps): ...
"""
CODE = {
    "my_provider.py": PROVIDER,
    "sunny.py": PROVIDER,
    "weather_api.py": "from typing import Protocol\nclass Weather(Protocol):\n    async def rain(self) -> bool: ...\n",
}
SPEC = {"module": "my_provider", "config_class": "my_provider.Config", "pip_packages": []}
FIELDS = {
    "externalProviders": [
        {
            "api": "inference",
            "providerType": "remote::custom_ollama",
            "configMapKeyRef": {"name": "files", "key": "custom_ollama.yaml"},
        },
        {"api": "weather", "providerType": "inline::sunny", "configMapKeyRef": {"name": "files", "key": "sunny.yaml"}},
    ],
    "externalApis": [{"name": "weather", "configMapKeyRef": {"name": "files", "key": "weather.yaml"}}],
}


def remote(name: str) -> dict[str, Any]:
    """Return the remote spec in the shape of a release."""
    flat = {"adapter_type": "custom_ollama", **SPEC}
    return {"adapter": flat, "api_dependencies": []} if name in ("0.2.16", "0.2.17") else flat


def laid_out(name: str, folder: Path) -> dict[str, Any]:
    """Render a stack, lay out what its pods mount, and return its run config."""
    texts = {
        "providers.d/remote/inference/custom_ollama.yaml": yaml.safe_dump(remote(name)),
        "providers.d/inline/weather/sunny.yaml": yaml.safe_dump({"module": "sunny", "config_class": "sunny.Config"}),
        "apis.d/weather.yaml": "name: weather\nmodule: weather_api\nprotocol: Weather\npip_packages: []\n",
    }
    entries = {
        "inference": [{"provider_id": "o", "provider_type": "remote::custom_ollama", "config": {"url": "http://o"}}],
        "weather": [{"provider_id": "s", "provider_type": "inline::sunny", "config": {"url": "http://s"}}],
    }
    run_config = {"version": 2, "image_name": "x", "apis": ["inference", "weather"], "providers": entries}
    if name >= "0.3":
        run_config["storage"] = default_storage()
    body = llamastack(runConfig=run_config, **FIELDS)
    assert stack_from(body).findings == ()
    wanted = plan(snapshot(body, referred=referred(files=texts)), WorkloadSettings()).desired or ()
    objects = {item.resource.kind: item.body for item in wanted}
    data = objects["ConfigMap"]["data"]
    volumes = objects["Deployment"]["spec"]["template"]["spec"]["volumes"]
    (volume,) = [volume for volume in volumes if volume["name"] == "llamastack-external"]
    for item in volume["configMap"]["items"]:
        path = folder / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    for file, text in CODE.items():
        (folder / file).write_text(text)
    return json.loads(data["run.yaml"].replace(ROOT, str(folder)))


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_starts_with_the_files_and_not_without_them(name: str, tmp_path: Path):
    folder, home = tmp_path / "files", tmp_path / "home"
    home.mkdir()
    config = laid_out(name, folder)
    variables = {"PYTHONPATH": str(folder), "SQLITE_STORE_DIR": str(home)}

    with_files = ask(name, {"configs": {"x": config}}, variables, home)["configs"]["x"]
    (folder / "providers.d/remote/inference/custom_ollama.yaml").unlink()
    without = ask(name, {"configs": {"x": config}}, variables, home)["configs"]["x"]

    assert with_files is None
    assert "`remote::custom_ollama` is not available" in without
