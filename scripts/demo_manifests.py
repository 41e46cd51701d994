"""What the demo applies first: two examples, of which one names the other's server."""

from __future__ import annotations

from typing import Any

import yaml

from scripts.demo_cluster import REPOSITORY

MANIFESTS = ("examples/detector.yaml", "examples/external-provider.yaml")


def manifests(repository: str | None) -> list[dict[str, Any]]:
    """Read the examples; the image goes to `repository`, or where there is none pods install the packages."""
    texts = [(REPOSITORY / path).read_text() for path in MANIFESTS]
    objects = [body for text in texts for body in yaml.safe_load_all(text)]
    for body in objects:
        if body["kind"] != "LlamaStack":
            continue
        body["spec"].pop("build", None)
        if repository:
            body["spec"]["build"] = {"repository": repository}
    return objects
