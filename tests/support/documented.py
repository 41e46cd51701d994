"""Every manifest that users are shown: of the README, the examples and the pages of docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
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
