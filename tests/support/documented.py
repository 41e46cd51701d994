"""Every manifest that users are shown, of the README, the examples and the pages of docs/, and what it becomes."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import yaml

from llamastack_operator.cli import main
from llamastack_resolver.documents.external_fields import EXTERNAL_PATH
from tests.support.full_example import API, PROVIDER
from tests.support.world import succeeded_body

REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
type Body = dict[str, Any]
_FRAME = """
apiVersion: llamastack.dev/v1alpha1
kind: LlamaStack
metadata: {name: framed}
spec:
  distribution: {image: starter, release: {package: llama-stack, version: 0.7.3}}
  runConfig: {providers: {}}
"""


def blocks(page: str) -> list[str]:
    """Return the YAML blocks of a page."""
    return _BLOCK.findall((REPOSITORY / page).read_text())


def pages() -> dict[str, str]:
    """Return every YAML block of every page, by page and number; a part of a spec is put into a whole stack."""
    found: dict[str, str] = {}
    names = ["README.md", *sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docs/**/*.md"))]
    for page in names:
        for number, text in enumerate(blocks(page), 1):
            found[f"{page} {number}"] = text if "kind: LlamaStack" in text else _framed(text)
    return found


def _framed(text: str) -> str:
    value: dict[str, Any] = yaml.safe_load(text)
    if "externalProviders" not in value:
        return text
    frame = yaml.safe_load(_FRAME)
    frame["spec"] |= value
    return yaml.safe_dump(frame, sort_keys=False)


def examples() -> dict[str, str]:
    """Return every example, by its path."""
    paths = sorted(REPOSITORY.glob("examples/*.yaml"))
    return {str(path.relative_to(REPOSITORY)): path.read_text() for path in paths}


# What is no stack, and why it is shown.
OTHERS = {
    "docs/check-provider.md 1": "a pipeline of whoever writes a provider",
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
    """Return the objects of a manifest that is shown, with what it speaks of."""
    return [*yaml.safe_load_all(SHOWN[name]), *({"apiVersion": "v1", **body} for body in BESIDE.get(name, ()))]


def write(path: Path, bodies: list[Body]) -> str:
    """Write objects to a file, and return its name."""
    path.write_text(yaml.safe_dump_all(bodies, sort_keys=False))
    return str(path)


def rendered(file: Path, bodies: list[Body]) -> list[Body]:
    """Render as often as there are builds to be done first, which are taken for done.

    Args:
        file: where the manifests are written.
        bodies: the manifests.
    """
    while True:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["render", "-n", "team-a", "--operator-image", "operator:1", write(file, bodies)])
        assert status == 0, err.getvalue()
        found = list(yaml.safe_load_all(out.getvalue()))
        builds = [body for body in found if body["kind"] == "LlamaStackBuild"]
        if not builds:
            return found
        bodies = [*bodies, *(succeeded_body(body["metadata"]["name"], body["spec"]) for body in builds)]


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
