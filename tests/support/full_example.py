"""The example with every field, and the leaves of a spec: what guards walk that look at each of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from llamastack_operator.api.crd import llamastack_crd

PATH = Path(__file__).parents[2] / "examples" / "full.yaml"
SPEC: dict[str, Any] = llamastack_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
"""The schema of `spec`."""

PROVIDER = "adapter_type: custom_ollama\nmodule: my_ollama_provider\nconfig_class: my_ollama_provider.Config\n"
API = "name: weather\nmodule: weather_api\nprotocol: WeatherApi\n"
FILES = {"providers.d/remote/inference/custom_ollama.yaml": PROVIDER, "apis.d/weather.yaml": API}

type Step = str | int
type Place = tuple[Step, ...]
"""Where a value is: names of fields, and numbers of a list's entries."""


@functools.cache
def documents() -> tuple[dict[str, Any], ...]:
    """Return all objects of the example; they are not to be changed."""
    return tuple(yaml.safe_load_all(PATH.read_text()))


def stacks() -> dict[str, dict[str, Any]]:
    """Return the stacks of the example by their names; they are not to be changed."""
    return {body["metadata"]["name"]: body for body in documents() if body["kind"] == "LlamaStack"}


def referred_by(name: str) -> dict[str, Any]:
    """Return what the cluster has of the objects that a stack of the example refers to, as fields of `Referred`."""
    source = stacks()[name]["spec"].get("runConfigFrom")
    if source is None:
        return {"files": FILES, "digest": "0123456789abcdef"}
    wanted = source["configMapKeyRef"]
    (config,) = [body for body in documents() if body["metadata"]["name"] == wanted["name"]]
    run_config = config["data"][wanted["key"]]
    return {"run_config": run_config, "digest": "0123456789abcdef", "claim_modes": ("ReadWriteMany",)}


def leaves(schema: dict[str, Any], path: str = "spec") -> Iterator[str]:
    """Yield every field of a schema that has no fields itself, as `spec.server.env[].name`."""
    if "properties" in schema:
        for name, part in schema["properties"].items():
            yield from leaves(part, f"{path}.{name}")
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], f"{path}[]")
    else:
        yield path


def values(schema: dict[str, Any], value: Any, place: Place = ()) -> Iterator[tuple[Place, dict[str, Any], Any]]:
    """Yield place, schema and value of every leaf that a value has; a mapping of free keys is one."""
    if "properties" in schema:
        for name, part in value.items():
            yield from values(schema["properties"][name], part, (*place, name))
    elif schema.get("type") == "array":
        for number, part in enumerate(value):
            yield from values(schema["items"], part, (*place, number))
    else:
        yield place, schema, value


def written(place: Place, numbers: bool = True) -> str:
    """Return a place as a finding names it, `spec.server.env[0].name`; without numbers as `leaves` does."""
    steps = [f".{step}" if isinstance(step, str) else f"[{step if numbers else ''}]" for step in place]
    return "spec" + "".join(steps)
