"""Runs the start check as a pod does: a process of its own, with a release's interpreter and a home of the test's."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.conformance.releases import ENVIRONMENT, ROOT


def run_start_check(python: Path, home: Path, *options: str, folders: tuple[Path, ...] = ()) -> tuple[int, Any]:
    """Check `run.yaml` of a home, and return the exit status and the report.

    Args:
        python: of the environment with the release.
        home: where the config and the stack's state are.
        options: further options of the check.
        folders: with further packages.
    """
    command = [str(python), "-W", "ignore", "-m", "llamastack_resolver", "start-check"]
    path = os.pathsep.join(map(str, [ROOT / "operator", *folders]))
    done = subprocess.run(
        [*command, "--config", str(home / "run.yaml"), *options],
        env={**ENVIRONMENT, "HOME": str(home), "SQLITE_STORE_DIR": str(home), "PYTHONPATH": path},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return done.returncode, json.loads(done.stdout)
