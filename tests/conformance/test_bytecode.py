"""A real release without bytecode, started twice with a pod's cache: the second start compiles nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance.releases import ENVIRONMENT, ROOT, python_of

RELEASE = "0.7.3"
SERVER = "import llama_stack.core.server.server as server; print(server.__file__)"
DECIDE = (
    "import json, os, sys; sys.path.append(sys.argv[1]); from llamastack_resolver.start.bytecode import environment_of;"
    " print(json.dumps(environment_of(os.environ, sys.argv[2])))"
)


def compiled(cache: Path) -> dict[Path, int]:
    """Return the bytecode in a cache, with when each file of it was written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.pyc")}


def test_a_release_without_bytecode_is_compiled_once(tmp_path: Path) -> None:
    python = python_of(RELEASE)
    packages = next(python.parents[1].glob("lib/python*/site-packages"))
    # The environment has bytecode, which an image of uv's has not: the release alone is copied without it.
    shutil.copytree(
        packages / "llama_stack", tmp_path / "site" / "llama_stack", ignore=shutil.ignore_patterns("__pycache__")
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    own = {**ENVIRONMENT, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}

    def output(*arguments: str, variables: dict[str, str]) -> str:
        command = [str(python), "-W", "ignore", *arguments]
        return subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    variables: dict[str, str] = json.loads(output("-c", DECIDE, str(ROOT / "operator"), str(cache), variables=own))
    assert variables == {**own, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": ""}

    assert output("-c", SERVER, variables=variables).startswith(str(tmp_path / "site"))
    first = compiled(cache)
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    server = tmp_path.relative_to("/") / "site" / "llama_stack" / "core" / "server" / f"server.cpython-{version}.pyc"
    assert cache / server in first
    assert len(first) > 500, "what the release needs is there too"
    assert not [*(tmp_path / "site").rglob("*.pyc")]

    output("-c", SERVER, variables=variables)
    assert compiled(cache) == first
