"""Virtual environments with real releases, made once and kept in the cache, and questions to them."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from tests.matrix import EVERYTHING
from tests.pins import pins
from tests.support.environments import environment

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


def pinned(name: str) -> tuple[str, ...]:
    """Return the exact version of every package that tests install with a release."""
    return (*catalog.load_release(release(name)).constraints.splitlines(), *pins(name))


@cache
def python_of(name: str, *packages: str) -> Path:
    """Return the interpreter of an environment with a release and all that its constraints in the catalog name.

    Args:
        name: the release.
        packages: requirements that are installed beside it.
    """
    wanted = release(name)
    known_good = [line.partition("==")[0] for line in catalog.load_release(wanted).constraints.splitlines()]
    own = f"{wanted.package}=={wanted.version}"
    label = f"{name}-modules" if packages else name
    return environment(label, [own, *known_good, *EXTRAS.get(name, ()), *packages], pinned(name))


def ask(name: str, task: dict[str, Any], variables: dict[str, str], home: Path) -> dict[str, Any]:
    """Ask a release; `variables` and an empty home are all that it sees of this machine."""
    answers: dict[str, Any] = json.loads(run(name, [str(PROBE)], home, variables, json.dumps(task)))
    return answers


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
