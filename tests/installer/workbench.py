"""What the installer's tests share: the index of little packages, the proxy, bases, and one call of the zipapp."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    """How a program of a build ended."""

    code: int
    output: str
    failure: dict[str, Any]

    @property
    def progress(self) -> list[str]:
        return [line.removeprefix("progress: ") for line in self.output.splitlines() if line.startswith("progress: ")]


@dataclass
class Inputs:
    """A `build.json` in the making."""

    root: Path
    requirements: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    special: tuple[tuple[str, ...], ...] = ()
    constraints: tuple[str, ...] = ()
    lock: list[dict[str, Any]] | None = None
    indexes: tuple[str, ...] = ()
    named: dict[str, str] = field(default_factory=dict)
    source_distributions: bool = False
    kind: str = "modules"
    earlier: tuple[dict[str, Any], ...] = ()

    def layer(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "root": str(self.root),
            "requirements": self.requirements,
            "modules": self.modules,
            "special": self.special,
            "constraints": self.constraints,
            "lock": self.lock,
        }

    def write(self, folder: Path) -> Path:
        pip = {"indexes": self.indexes, "sourceDistributions": self.source_distributions, "namedIndexes": self.named}
        data = {"format": 1, "key": "0" * 64, "strategy": "Image", "base": {"image": "base", "digest": None}}
        data |= {"earlier": self.earlier, "layer": self.layer(), "pip": pip, "repository": None}
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "build.json"
        path.write_text(json.dumps(data))
        return path


@contextmanager
def index_proxy(build: Path, credentials: Path | None = None, certificate: Path | None = None) -> Iterator[str]:
    """Run the program `index` and yield its address."""
    missing = build.parent / "none"
    command = [sys.executable, "-m", "llamastack_operator.images", "index", "--port", "0", "--build", str(build)]
    command += ["--credentials", str(credentials or missing), "--certificate", str(certificate or missing)]
    command += ["--termination-log", str(build.parent / "index.failure"), "--attempts", "2", "--pause", "0.05"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)["serving"]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def install(python: Path, tools: Path, build: Path, *options: str, environment: dict[str, str] | None = None) -> Result:
    """Run the zipapp with a base's interpreter; it sees nothing of this environment."""
    log = build.parent / "termination-log"
    log.unlink(missing_ok=True)
    command = [str(python), str(tools / "install.pyz"), str(build), "--termination-log", str(log), *options]
    command += ["--certificate", str(build.parent / "none")] if "--certificate" not in options else []
    variables = {"PATH": os.defpath, "LANG": "C.UTF-8", **(environment or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=variables, cwd=build.parent, stdin=subprocess.DEVNULL
    )
    failure = json.loads(log.read_text()) if log.exists() else {}
    return Result(done.returncode, done.stdout + done.stderr, failure)


def tree(root: Path) -> dict[str, Any]:
    """Return everything below a folder: targets of links, modes and contents of files."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = (oct(path.stat().st_mode), path.read_bytes())
        else:
            found[name] = oct(path.stat().st_mode)
    return found
