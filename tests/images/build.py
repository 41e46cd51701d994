"""One build as its pod sees it: build.json, credentials, installed files; and the programs run as processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEY = "0123456789abcdef"


@dataclass
class Build:
    """The folders of one build's pod."""

    folder: Path
    image: str
    repository: str | None
    insecure: list[str]
    kind: str = "modules"
    digest: str | None = None
    mirrors: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    platform: str = "linux/amd64"
    ca: Path | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        for name in ("facts", "credentials/pull", "credentials/push", "tools"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.root = f"/opt/llamastack/{self.kind}"
        self.tree = self.folder / "tree"
        self.log = self.folder / "termination-log"
        self.write_inputs()

    def write_inputs(self) -> None:
        document = {
            "format": 1,
            "key": KEY,
            "strategy": "Image",
            "base": {"image": self.image, "digest": self.digest},
            "earlier": [],
            "layer": {"kind": self.kind, "root": self.root, "requirements": ["greeter==1"], "lock": None},
            "pip": {"indexes": [], "sourceDistributions": False},
            "repository": self.repository,
            "before": self.before,
            "platform": self.platform,
            "labels": {"llamastack.dev/release": "llama-stack-0.7.3"},
            "registries": {"mirrors": self.mirrors, "addresses": self.addresses, "insecure": self.insecure},
        }
        (self.folder / "build.json").write_text(json.dumps(document))

    def secret(self, which: str, host: str, username: str, password: str, **more: str) -> None:
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        content = {"auths": {host: {"auth": auth, **more}}}
        (self.folder / "credentials" / which / ".dockerconfigjson").write_text(json.dumps(content))

    def install(self, text: str = "hello", record: dict[str, Any] | None = None) -> None:
        """Lay out what an installer leaves, in the small."""
        packages = self.tree / "lib/python3.13/site-packages/greeter"
        packages.mkdir(parents=True, exist_ok=True)
        (packages / "__init__.py").write_text(f"print({text!r})\n")
        self.bring("greeter-1.0+local", "greeter/__init__.py")
        packages.with_name("words.py").write_text("WORDS = 'hello'\n")
        self.bring("words-2.0", "words.py")
        (packages / "__pycache__").mkdir(exist_ok=True)
        (packages / "__pycache__/__init__.cpython-313.pyc").write_bytes(b"bytecode")
        (self.tree / "bin").mkdir(exist_ok=True)
        if not (self.tree / "bin/python3").is_symlink():
            (self.tree / "bin/python3").symlink_to("/usr/bin/python3")
        (self.tree / "llamastack.json").write_text(json.dumps(record or self.record()))

    def bring(self, distribution: str, *files: str) -> None:
        """List files as those of a distribution, in the folder of packages."""
        folder = self.tree / f"lib/python3.13/site-packages/{distribution}.dist-info"
        folder.mkdir(exist_ok=True)
        lines = [*files, f"{folder.name}/RECORD"]
        (folder / "RECORD").write_text("".join(f"{line},,\n" for line in lines))

    def record(self) -> dict[str, Any]:
        return {
            "format": 1,
            "kind": self.kind,
            "python": "3.13",
            "lock": [
                {
                    "name": "Greeter",
                    "version": "1.0+local",
                    "file": "greeter-1.0+local-py3-none-any.whl",
                    "sha256": "ab" * 32,
                    "index": 0,
                    "url": None,
                }
            ],
            "installed": [{"name": "greeter", "version": "1.0+local", "license": "MIT"}],
            "base": [{"name": "llama-stack", "version": "0.7.3"}],
            "modules": [
                {
                    "requirement": "greeter==1",
                    "distribution": "greeter",
                    "version": "1.0+local",
                    "importName": "greeter",
                    "providers": [{"api": "inference", "type": "remote::greeter"}],
                }
            ],
        }

    def arguments(self, *more: str) -> list[str]:
        places = {
            "--inputs": self.folder / "build.json",
            "--facts": self.folder / "facts",
            "--credentials": self.folder / "credentials",
            "--ca": self.ca or self.folder / "none.crt",
            "--termination-log": self.log,
        }
        return [*(str(word) for pair in places.items() for word in pair), *more]

    def push(self, *more: str, space: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the program `push`, if need be with only so much space for its temporary files, for example `1m`."""
        return self.run("push", "--tree", str(self.tree), *more, space=space)

    def run(self, program: str, *more: str, space: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as its own process."""
        words = [sys.executable, "-m", "llamastack_operator.images", program, *more, *self.arguments()]
        environment = dict(os.environ)
        if space is not None:
            folder = self.folder / "small"
            folder.mkdir()
            environment["TMPDIR"] = str(folder)
            mount = f'mount -t tmpfs -o size={space} tmpfs "$TMPDIR" && exec "$@"'
            words = ["unshare", "--mount", "sh", "-c", mount, "sh", *words]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)

    @property
    def message(self) -> dict[str, Any]:
        """The termination message."""
        content = self.log.read_bytes()
        assert len(content) <= 2048
        result: dict[str, Any] = json.loads(content)
        return result
