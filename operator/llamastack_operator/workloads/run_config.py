"""The run config as a ConfigMap.

Its name carries the digest of its content and it is immutable: each revision of the pods keeps the config that it
was started with, so a broken edit cannot reach a pod of an older revision that restarts.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from llamastack_operator.kube.objects import Desired, digest
from llamastack_operator.kube.resources import CONFIGMAPS
from llamastack_operator.workloads.desired import Owner, desired

CONFIG_KEY = "run.yaml"
MOUNT_PATH = "/etc/llama-stack"
CONFIG_PATH = f"{MOUNT_PATH}/{CONFIG_KEY}"

# JSON is YAML but for these: characters that YAML 1.1 wants escaped, and floats such as 1e+20 that it reads as text.
_NOT_YAML = re.compile(r"[\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]|\d[eE]")
_HALF = re.compile(r"[\ud800-\udfff]")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_LONGEST = 1000
"""Characters of a text up to which it can be a key on one line: YAML's simple keys end at 1,024."""
_LINE_DEPTH = 3
_encode = json.JSONEncoder(ensure_ascii=False).encode


def run_config_text(run_config: dict[str, Any]) -> str:
    """Return a run config as YAML text.

    It is JSON laid out in lines where that means the same, since PyYAML needs 50 times as long.
    """
    text = _lines(run_config, 0)
    if _NOT_YAML.search(text) or max(map(len, _STRINGS.findall(text)), default=0) > _LONGEST:
        # libyaml cannot write half a character; PyYAML's own emitter escapes it.
        fast = yaml.SafeDumper if _HALF.search(text) else getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return yaml.dump(run_config, Dumper=fast, sort_keys=False)
    return text + "\n"


def config_map(owner: Owner, text: str) -> Desired:
    """Return the ConfigMap of a run config."""
    name = config_map_name(owner.key[1], text)
    return desired(CONFIGMAPS, owner, name, {"data": {CONFIG_KEY: text}, "immutable": True})


def config_map_name(stack: str, text: str) -> str:
    """Return the name of the ConfigMap that holds this text."""
    return f"{stack}-config-{digest(text)[:10]}"


def _lines(value: Any, depth: int) -> str:
    """Lay out the outer levels one entry a line: people read this in `kubectl get configmap`."""
    if depth == _LINE_DEPTH or not isinstance(value, dict | list) or not value:
        return _encode(value)
    indent = "  " * (depth + 1)
    if isinstance(value, dict):
        entries = [f"{indent}{_encode(key)}: {_lines(part, depth + 1)}" for key, part in value.items()]
        return "{\n" + ",\n".join(entries) + "\n" + "  " * depth + "}"
    return "[\n" + ",\n".join(indent + _lines(part, depth + 1) for part in value) + "\n" + "  " * depth + "]"
