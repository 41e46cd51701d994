"""External providers and APIs: files of ConfigMaps reach the pods as upstream reads them, and follow edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.operator import Stacks, eventually
from tests.e2e.test_references import RUN_CONFIG, config_map, from_config_map, revision
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

MINE = "adapter_type: mine\nmodule: mine\nconfig_class: mine.Config\n"
WEATHER = "name: weather\nmodule: weather_api\nprotocol: Weather\n"


def external(config_map_name: str) -> dict[str, Any]:
    return {
        "externalProviders": [
            {
                "api": "inference",
                "providerType": "remote::mine",
                "configMapKeyRef": {"name": config_map_name, "key": "mine.yaml"},
            }
        ],
        "externalApis": [{"name": "weather", "configMapKeyRef": {"name": config_map_name, "key": "weather.yaml"}}],
    }


def mounted(stacks: Stacks, name: str) -> dict[str, str]:
    """Return the files of the server's container as the kubelet lays them out, by path."""
    pod = stacks.kubectl.json("get", "deployment", name)["spec"]["template"]["spec"]
    sources = {volume["name"]: volume.get("configMap") for volume in pod["volumes"]}
    files: dict[str, str] = {}
    for mount in pod["containers"][0]["volumeMounts"]:
        if (source := sources[mount["name"]]) is None or mount["name"] == "llamastack-start":
            continue
        assert mount["readOnly"]
        data = stacks.kubectl.json("get", "configmap", source["name"])["data"]
        items = source.get("items") or [{"key": key, "path": key} for key in data]
        files |= {str(Path(mount["mountPath"], item["path"])): data[item["key"]] for item in items}
    return files


def test_the_server_finds_the_files_where_its_run_config_says(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("files", **{"mine.yaml": MINE, "weather.yaml": WEATHER}))
    stacks.kubectl.apply(minimal("extended", **external("files")))
    stacks.settled("extended")
    files = mounted(stacks, "extended")
    config = yaml.safe_load(files.pop("/etc/llama-stack/run.yaml"))
    assert files == {
        f"{config['external_providers_dir']}/remote/inference/mine.yaml": MINE,
        f"{config['external_apis_dir']}/weather.yaml": WEATHER,
    }


def test_an_edited_file_rolls_the_pods_and_the_old_ones_keep_theirs(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("edited-files", **{"mine.yaml": MINE, "weather.yaml": WEATHER}))
    stacks.kubectl.apply(minimal("rolls", **external("edited-files")))
    stacks.condition("rolls", "ConfigValid", "True", "Valid")
    before = revision(stacks, "rolls")
    old = stacks.kubectl.json("get", "deployment", "rolls")["spec"]["template"]["spec"]["volumes"]
    edited = f"{MINE}pip_packages: [more]\n"
    stacks.kubectl.apply(config_map("edited-files", **{"mine.yaml": edited, "weather.yaml": WEATHER}))
    eventually(lambda: edited in mounted(stacks, "rolls").values())
    assert revision(stacks, "rolls") != before
    (name,) = {volume["configMap"]["name"] for volume in old if volume["name"] == "llamastack-config"}
    kept = stacks.get("configmap", name)
    assert kept["immutable"]
    assert MINE in kept["data"].values()


def test_a_run_config_of_a_config_map_gets_the_folders_too(stacks: Stacks) -> None:
    data = {"run.yaml": f"# with a comment\n{RUN_CONFIG}", "mine.yaml": MINE, "weather.yaml": WEATHER}
    stacks.kubectl.apply(config_map("everything", **data))
    body = from_config_map("both", "everything")
    body["spec"] |= external("everything")
    stacks.kubectl.apply(body)
    stacks.condition("both", "ConfigValid", "True", "Valid")
    config = yaml.safe_load(mounted(stacks, "both")["/etc/llama-stack/run.yaml"])
    assert config["external_providers_dir"] == "/etc/llama-stack-external/providers.d"
    assert yaml.safe_load(RUN_CONFIG).items() <= config.items()


def test_missing_and_broken_files_are_told_with_their_fields_and_leave_the_pods_alone(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("breaking", **{"mine.yaml": MINE, "weather.yaml": WEATHER}))
    stacks.kubectl.apply(minimal("steadfast", **external("breaking")))
    stacks.condition("steadfast", "ConfigValid", "True", "Valid")
    before = revision(stacks, "steadfast")
    stacks.kubectl.apply(config_map("breaking", **{"mine.yaml": MINE}))
    stacks.condition("steadfast", "ConfigValid", "False", "MissingReference")
    stacks.kubectl.apply(config_map("breaking", **{"mine.yaml": "- 1"}))

    def both_told() -> bool:
        findings = stacks.kubectl.json("get", "llamastack", "steadfast")["status"]["findings"]
        return [(item["reason"], item.get("object"), item["path"]) for item in findings] == [
            ("MissingReference", None, "spec.externalApis[0].configMapKeyRef"),
            ("SpecMissing", "ConfigMap/breaking", 'data["mine.yaml"]'),
        ]

    eventually(both_told)
    assert revision(stacks, "steadfast") == before
    stacks.kubectl.apply(config_map("breaking", **{"mine.yaml": MINE, "weather.yaml": WEATHER}))
    stacks.condition("steadfast", "ConfigValid", "True", "Valid")


def test_a_run_config_with_a_folder_of_its_own_is_told_to_choose(stacks: Stacks) -> None:
    stacks.kubectl.apply(config_map("chosen", **{"mine.yaml": MINE, "weather.yaml": WEATHER}))
    run_config = {"providers": {}, "external_providers_dir": "/mine"}
    stacks.kubectl.apply(minimal("undecided", runConfig=run_config, **external("chosen")))
    stacks.condition("undecided", "ConfigValid", "False", "InvalidRunConfig")
    (finding,) = stacks.kubectl.json("get", "llamastack", "undecided")["status"]["findings"]
    assert finding["path"] == "spec.runConfig.external_providers_dir"
    assert "remove `external_providers_dir`" in finding["hint"]
