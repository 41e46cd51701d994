"""The run config as a ConfigMap.

Its name carries the digest of its content and it is immutable: each revision of the pods keeps the config that it
was started with, so a broken edit cannot reach a pod of an older revision that restarts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from llamastack_operator.objects.child import Desired, digest
from llamastack_operator.objects.config_map import TEXT_LIMIT, text_size
from llamastack_operator.objects.resources import CONFIGMAPS
from llamastack_operator.workloads.desired import Owner, desired
from llamastack_operator.workloads.external import CONFIG_KEY, NO_FILES, data_key

MOUNT_PATH = "/etc/llama-stack"
CONFIG_PATH = f"{MOUNT_PATH}/{CONFIG_KEY}"

# JSON is YAML but for these: characters that YAML 1.1 wants escaped, and floats such as 1e+20 that it reads as text.
_NOT_YAML = re.compile(r"[\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]|\d[eE]")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_LONGEST = 1000
"""Characters of a text up to which it can be a key on one line: YAML's simple keys end at 1,024."""
SIZE_LIMIT = TEXT_LIMIT
"""Most bytes of a run config."""
_LINE_DEPTH = 3
_FAST: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_encode = json.JSONEncoder(ensure_ascii=False).encode


class TooLargeError(ValueError):
    """No ConfigMap can hold the text."""


def run_config_text(run_config: dict[str, Any]) -> str:
    """Return a run config as YAML text.

    It is JSON laid out in lines where that means the same, since PyYAML needs 50 times as long.

    Raises:
        TooLargeError: it would be larger than `SIZE_LIMIT`.
    """
    text = _lines(run_config, 0)
    if text_size(text) > SIZE_LIMIT:
        raise TooLargeError
    if _NOT_YAML.search(text) or max(map(len, _STRINGS.findall(text)), default=0) > _LONGEST:
        if _indentation(run_config) > SIZE_LIMIT:
            raise TooLargeError
        return yaml_text(run_config)
    return text + "\n"


def _indentation(run_config: Any) -> int:
    """Return about how many blanks YAML puts before the lines of a value: the deeper, the more."""
    blanks, open_values = 0, [(run_config, 0)]
    while open_values:
        value, depth = open_values.pop()
        if isinstance(value, dict | list):
            blanks += 2 * depth * len(value)
            parts = value.values() if isinstance(value, dict) else value
            open_values.extend((part, depth + 1) for part in parts)
    return blanks


def yaml_text(value: Any) -> str:
    """Return a value of YAML as text; unlike JSON it can be a date, or a mapping with other keys than text."""
    try:
        return str(yaml.dump(value, Dumper=_FAST, sort_keys=False))
    except UnicodeEncodeError:
        # libyaml cannot write half a character; PyYAML's own emitter escapes it.
        return str(yaml.dump(value, Dumper=yaml.SafeDumper, sort_keys=False))


def bounded_yaml_text(value: Any) -> str:
    """Return a value of YAML as text.

    Raises:
        TooLargeError: it would be larger than `SIZE_LIMIT`.
    """
    if _indentation(value) > SIZE_LIMIT:
        raise TooLargeError
    text = yaml_text(value)
    if text_size(text) > SIZE_LIMIT:
        raise TooLargeError
    return text


def config_map(owner: Owner, text: str, files: Mapping[str, str] = NO_FILES) -> Desired:
    """Return the ConfigMap of a run config and the files of its external providers and APIs."""
    name = config_map_name(owner.key[1], text, files)
    data = {CONFIG_KEY: text, **{data_key(path): content for path, content in files.items()}}
    return desired(CONFIGMAPS, owner, name, {"data": data, "immutable": True})


def config_map_name(stack: str, text: str, files: Mapping[str, str] = NO_FILES) -> str:
    """Return the name of the ConfigMap that holds this text and these files."""
    content = [text, dict(files)] if files else text
    return f"{stack}-config-{digest(content)[:10]}"


def _lines(value: Any, depth: int) -> str:
    """Lay out the outer levels one entry a line: people read this in `kubectl get configmap`."""
    if depth == _LINE_DEPTH or not isinstance(value, dict | list) or not value:
        return _encode(value)
    indent = "  " * (depth + 1)
    if isinstance(value, dict):
        entries = [f"{indent}{_encode(key)}: {_lines(part, depth + 1)}" for key, part in value.items()]
        return "{\n" + ",\n".join(entries) + "\n" + "  " * depth + "}"
    return "[\n" + ",\n".join(indent + _lines(part, depth + 1) for part in value) + "\n" + "  " * depth + "]"
