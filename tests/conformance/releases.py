"""Virtual environments with real releases, made once and kept in the cache, and questions to them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from llamastack_resolver.releases import Release
from tests.matrix import EVERYTHING

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.py")
REPRESENTATIVE = ("0.2.16", "0.7.3", "ogx-1.5.0")
ALL = (
    *("0.2.16", "0.2.17", "0.2.23", "0.3.5", "0.4.4", "0.5.0", "0.6.0", "0.7.3"),
    *("ogx-0.8.0", "ogx-1.0.0", "ogx-1.2.0", "ogx-1.5.0"),
)
# Packages that remote::vllm imports there without asking for them.
EXTRAS = {"0.2.23": ("litellm",)}
RELEASES = ALL if EVERYTHING else REPRESENTATIVE
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": os.defpath}


def release(name: str) -> Release:
    package, _, number = name.rpartition("-")
    return Release(package or "llama-stack", number)


def cache() -> Path:
    base = os.environ.get("LLAMASTACK_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llamastack-operator"


def python_of(name: str) -> Path:
    """Return the interpreter of a release's environment, which is made with the catalog's constraints."""
    environment = cache() / "venvs" / name
    python = environment / "bin" / "python"
    _make(name, environment, python)
    extras, marker = EXTRAS.get(name, ()), environment / ".extras"
    if extras and not marker.exists():
        uv = str(ROOT / ".venv" / "bin" / "uv")
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *extras], check=True)
        marker.touch()
    return python


def _make(name: str, environment: Path, python: Path) -> None:
    if (environment / ".installed").exists():
        return
    from llamastack_operator import catalog

    constraints = cache() / "venvs" / f"{name}.constraints.txt"
    constraints.parent.mkdir(parents=True, exist_ok=True)
    constraints.write_text(catalog.load_release(release(name)).constraints)
    uv = str(ROOT / ".venv" / "bin" / "uv")
    wanted = release(name)
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(environment)], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(python), "-c", str(constraints)]
    names = [line.split("==")[0] for line in constraints.read_text().splitlines()]
    subprocess.run([*install, f"{wanted.package}=={wanted.version}", *names], check=True)
    (environment / ".installed").touch()


def ask(name: str, task: dict[str, Any], variables: dict[str, str], home: Path) -> dict[str, Any]:
    """Ask a release; `variables` and an empty home are all that it sees of this machine."""
    return json.loads(run(name, [str(PROBE)], home, variables, json.dumps(task)))


def run(name: str, arguments: list[str], home: Path, variables: dict[str, str] | None = None, text: str = "") -> str:
    """Run a program of these tests in a release's environment, and return what it prints."""
    path = f"{ROOT / 'operator'}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [str(python_of(name)), "-W", "ignore", *arguments],
        input=text,
        env={**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": path, **(variables or {})},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
