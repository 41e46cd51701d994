"""Where the configuration files of a node's programs are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Paths:
    """Files of one node's programs, all below its state folder."""

    folder: Path

    def file(self, name: str) -> Path:
        """A configuration file or a folder of one program."""
        return self.folder / name

    def write(self, name: str, text: str) -> Path:
        """Write a configuration file and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write_yaml(self, name: str, document: Any) -> Path:
        """Write a YAML configuration file and return its path."""
        return self.write(name, yaml.safe_dump(document))
