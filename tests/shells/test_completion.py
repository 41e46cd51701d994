"""What the Tab key does after `llamastack completion`, loaded as docs/cli.md says, in the real shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import CannotRunError
from tests.cluster.fixtures import cannot_run
from tests.cluster.packages import install_packages
from tests.shells.terminal import Terminal, terminal

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
# Starts of lines, and what they become.
TYPED = [
    ("llamastack va", "llamastack validate "),
    ("llamastack validate --st", "llamastack validate --stack-version "),
    ("llamastack validate -o sa", "llamastack validate -o sarif "),
    ("llamastack completion fi", "llamastack completion fish "),
    ("llamastack build --py", "llamastack build --python "),
    ("llamastack validate my-st", "llamastack validate my-stack.yaml "),
    ("llamastack validate -o json my-st", "llamastack validate -o json my-stack.yaml "),
    ("llamastack validate one.yaml my-st", "llamastack validate one.yaml my-stack.yaml "),
    ("llamastack verify http://host --config my-st", "llamastack verify http://host --config my-stack.yaml "),
]


@pytest.fixture(scope="session")
def shells() -> None:
    """Make sure that this machine has them."""
    try:
        install_packages("zsh", "fish")
    except CannotRunError as error:
        cannot_run(error)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file to name, and the program."""
    (tmp_path / "my-stack.yaml").touch()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "llamastack"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m llamastack_operator.cli "$@"\n')
    program.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {**kept, "HOME": str(folder), "PATH": f"{folder / 'bin'}:{os.defpath}", "TERM": "dumb", "LANG": "C.UTF-8"}


def documented(shell: str) -> str:
    """Return the line that docs/cli.md gives for a shell."""
    (line,) = re.findall(rf"^    (.*llamastack completion {shell}\b.*?)\s*(?:#.*)?$", DOCS.read_text(), re.MULTILINE)
    return str(line)


@pytest.fixture(params=["bash", "zsh"])
def shell(request: pytest.FixtureRequest, shells: None, folder: Path) -> Iterator[Terminal]:
    """A shell that has loaded its script."""
    program = shutil.which(request.param)
    assert program is not None
    arguments = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[request.param]
    with terminal([program, *arguments], folder, environment(folder)) as opened:
        if request.param == "zsh":
            opened.type("autoload -Uz compinit; compinit -u -D\n")
        opened.type(f"{documented(request.param)}\necho rea''dy\n")
        opened.read_until("ready")
        yield opened


def test_bash_and_zsh_complete_commands_options_values_and_files(shell: Terminal) -> None:
    for typed, completed in TYPED:
        shell.type(f"{typed}\t")
        shell.read_until(completed)
        shell.type("\x15\n")  # the line is removed


def test_fish_completes_commands_options_values_and_files(shells: None, folder: Path) -> None:
    asked = [f"complete -C '{typed}'" for typed, _ in TYPED]
    command = ["fish", "--no-config", "-c", "; ".join([documented("fish"), *asked])]

    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True)

    found = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert found == [completed.split()[-1] for _, completed in TYPED]
