"""Golden files: YAML that is easy to review, compared byte for byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml


class PlainDumper(yaml.SafeDumper):
    """Writes no anchors, and long text as it is."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


PlainDumper.add_representer(str, text)


def dump(value: Any) -> str:
    return yaml.dump(value, Dumper=PlainDumper, sort_keys=False, width=120)


def check(path: Path, actual: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(actual)
    assert path.read_text() == actual, f"{path.name} differs; UPDATE_GOLDEN=1 accepts it"
