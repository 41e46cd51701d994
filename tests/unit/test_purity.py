"""Which libraries a process gets by importing the pure rooms, or by running a command: looked at in a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "external-provider.yaml"
NETWORK = ("aiohttp", "kopf", "kubernetes", "urllib3")
ROOMS = ("api", "objects", "workloads", "planning")
IMPORT_ROOM = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
assert len(names) > 5, names
"""
RUN_COMMAND = """
import sys
from llamastack_operator.cli import main
status = main(sys.argv[1:])
assert status == 0, status
"""
LOADED = f"\nprint([name for name in {(*NETWORK, 'shtab')!r} if name in sys.modules], file=sys.stderr)"


def loaded(code: str, *arguments: str) -> str:
    """Run code with arguments in a new process; return which of the libraries it has in the end."""
    command = [sys.executable, "-c", code + LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_pure_room_loads_no_network_library(room: str) -> None:
    assert loaded(IMPORT_ROOM, f"llamastack_operator.{room}") == "[]"


@pytest.mark.parametrize("command", ["validate", "containerfile", "resolve"])
def test_a_command_that_only_reads_loads_no_network_library(command: str) -> None:
    assert loaded(RUN_COMMAND, command, str(EXAMPLE)) == "[]"


def test_importing_the_room_of_the_cluster_does_load_one() -> None:
    """What shows that the look at the modules finds them."""
    assert loaded(IMPORT_ROOM, "llamastack_operator.kube") == "['aiohttp', 'kubernetes', 'urllib3']"
