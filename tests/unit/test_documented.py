"""What users are shown is right: it is validated, rendered, and what was rendered is validated as its server reads it.

Builds are taken for done, with made-up digests: whether they can be is shown where there is a package index.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.cli import main
from llamastack_resolver.documents.external_fields import EXTERNAL_PATH
from tests.support.documented import examples, pages
from tests.support.full_example import API, PROVIDER
from tests.support.world import succeeded_body

Capture = pytest.CaptureFixture[str]
Body = dict[str, Any]
# What is no stack, and why it is shown.
OTHERS = {
    "docs/install.md 1": "settings of Argo CD",
    "examples/detector.yaml": "what a provider of an example asks",
    "examples/model-server.yaml": "what a provider of an example asks",
}
# The ConfigMaps that a page speaks of and does not show.
BESIDE = {
    "docs/stack.md 1": [
        {"kind": "ConfigMap", "metadata": {"name": "my-providers"}, "data": {"custom_ollama.yaml": PROVIDER}},
        {"kind": "ConfigMap", "metadata": {"name": "my-apis"}, "data": {"weather.yaml": API}},
    ]
}
SHOWN = {**pages(), **examples()}
STACKS = sorted(SHOWN.keys() - OTHERS.keys())


def shown(name: str) -> list[Body]:
    return [*yaml.safe_load_all(SHOWN[name]), *({"apiVersion": "v1", **body} for body in BESIDE.get(name, ()))]


def write(path: Path, bodies: list[Body]) -> str:
    path.write_text(yaml.safe_dump_all(bodies, sort_keys=False))
    return str(path)


def rendered(file: Path, bodies: list[Body], capsys: Capture) -> list[Body]:
    """Render as often as there are builds to be done first."""
    while True:
        status = main(["render", "-n", "team-a", "--operator-image", "operator:1", write(file, bodies)])
        out, err = capsys.readouterr()
        assert status == 0, err
        found = list(yaml.safe_load_all(out))
        builds = [body for body in found if body["kind"] == "LlamaStackBuild"]
        if not builds:
            return found
        bodies = [*bodies, *(succeeded_body(body["metadata"]["name"], body["spec"]) for body in builds)]


def test_what_is_no_stack_is_there() -> None:
    assert OTHERS.keys() <= SHOWN.keys()
    assert not any("kind: LlamaStack" in SHOWN[name] for name in OTHERS)


@pytest.mark.parametrize("name", STACKS)
def test_what_is_shown_has_no_errors(name: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["validate", write(tmp_path / "shown.yaml", shown(name))]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", STACKS)
def test_what_it_becomes_has_none_as_the_server_reads_it(name: str, tmp_path: Path, capsys: Capture) -> None:
    bodies = shown(name)
    found = rendered(tmp_path / "shown.yaml", bodies, capsys)
    stacks = {body["metadata"]["name"]: body for body in bodies if body.get("kind") == "LlamaStack"}
    deployments = [body for body in found if body["kind"] == "Deployment"]
    assert [body["metadata"]["name"] for body in deployments] == list(stacks)
    for deployment in deployments:
        stack = stacks[deployment["metadata"]["name"]]
        release = stack["spec"]["distribution"]["release"]
        config = mounted(deployment, found, tmp_path / deployment["metadata"]["name"])
        version = f"{release['package']}-{release['version']}"
        assert main(["validate", "--stack-version", version, str(config)]) == 0, capsys.readouterr().out


def mounted(deployment: Body, found: list[Body], folder: Path) -> Path:
    """Lay out the ConfigMap of a Deployment as its pods have it, and return the path of the run config."""
    volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    config = volumes["llamastack-config"]["configMap"]
    (data,) = [body["data"] for body in found if body["metadata"]["name"] == config["name"]]
    external = volumes.get("llamastack-external", {}).get("configMap", {"items": []})
    for item in external["items"]:
        path = folder / "external" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    folder.mkdir(exist_ok=True)
    (folder / "run.yaml").write_text(data["run.yaml"].replace(EXTERNAL_PATH, str(folder / "external")))
    return folder / "run.yaml"
