"""Makes the wheels of this tree's distributions, as `make wheels` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIGHT = ROOT / "distributions" / "cli"


def make_distribution(project: Path, folder: Path) -> Path:
    """Write the wheel of a project's folder into another folder and return its path."""
    before = set(folder.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (made,) = set(folder.iterdir()) - before
    return made
