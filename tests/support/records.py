"""The record of a small layer, and how a build's pod hands it on."""

from __future__ import annotations

import json
from typing import Any

from llamastack_contract.printed import digest_of, lines_of

RECORD: dict[str, Any] = {
    "format": 1,
    "kind": "modules",
    "python": "3.13",
    "lock": [
        {"name": "m", "version": "1", "file": "m-1-py3-none-any.whl", "sha256": "0" * 64, "index": 0, "url": None}
    ],
    "installed": [{"name": "m", "version": "1", "license": "MIT"}],
    "base": [{"name": "llama-stack", "version": "0.7.3"}],
    "modules": [
        {
            "requirement": "m==1",
            "distribution": "m",
            "version": "1",
            "importName": "m",
            "providers": [{"api": "safety", "type": "remote::m"}],
        }
    ],
}


def locked(name: str) -> dict[str, Any]:
    """Return an entry of a lock."""
    return {**RECORD["lock"][0], "name": name, "file": f"{name}-1-py3-none-any.whl"}


def printed(record: Any) -> tuple[str, str]:
    """Return the lines that `push` prints for any JSON value, and the digest that it tells."""
    content = json.dumps(record).encode()
    return "\n".join(lines_of(content)) + "\n", digest_of(content)
