"""Which command starts the server: as the operator would write it, for a release that is told or that is installed.
The start program is run, since only it has the rules, with a server that prints how it was started."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from llamastack_launcher.command import number_of
from llamastack_operator.workloads.start import server_command
from llamastack_resolver.releases import Release
from tests.unit.launcher.image import Image
from tests.unit.workloads.test_start import VERSIONS

CONFIG = "/etc/it's {odd}.yaml"
TELLS = "import json\nprint(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))\nsys.exit(3)"
ASKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from llamastack_launcher.command import command_of
print(json.dumps([command_of(tuple(release), sys.argv[2], 8321) for release in json.load(sys.stdin)]))
"""


def as_launched(command: list[str]) -> list[str]:
    """The operator writes `python3`; the launcher runs in it, and takes the very one."""
    return [sys.executable, *command[1:]] if command[0] == "python3" else command


def test_each_release_that_is_told_has_the_command_that_the_operator_knows(image: Image):
    done = subprocess.run(
        [sys.executable, "-S", "-c", ASKS, str(image.program), CONFIG],
        input=json.dumps(VERSIONS),
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = [as_launched(server_command(Release(*release), CONFIG, 8321)) for release in VERSIONS]
    assert json.loads(done.stdout) == wanted


@pytest.mark.parametrize(
    "release", [("llama-stack", "0.3.0rc2"), ("llama-stack", "0.7.3"), ("ogx", "0.8"), ("ogx", "1.5.0")]
)
def test_a_release_that_is_installed_is_started_like_one_that_was_told(image: Image, release: tuple[str, str]):
    for name in ("llama", "ogx"):
        image.script(name, f"#!{sys.executable}\nimport os, sys\n{TELLS}")
    image.install(*release)
    assert json.loads(image.run(release=None).out) == server_command(Release(*release), CONFIG, 8321)
    assert json.loads(image.run(release=release).out) == server_command(Release(*release), CONFIG, 8321)


def test_the_new_name_wins_where_both_packages_are_there(image: Image):
    for name in ("llama", "ogx"):
        image.script(name, f"#!{sys.executable}\nimport os, sys\n{TELLS}")
    image.install("llama-stack", "0.8.0")
    image.install("ogx", "1.5.0")
    assert json.loads(image.run(release=None).out)[0] == "ogx"


def test_a_server_that_is_a_module_runs_in_the_python_in_which_its_release_was_found(image: Image):
    package = image.folder / "site" / "llama_stack" / "core" / "server"
    package.mkdir(parents=True)
    (package / "server.py").write_text("import sys\nprint(sys.executable, sys.argv[1:])\nsys.exit(3)")
    image.script("python3", "#!/bin/sh\necho another one\n")
    image.install("llama-stack", "0.2.17")
    assert image.run(release=None).out == f"{sys.executable} {[CONFIG, '--port', '8321']}\n"


@pytest.mark.parametrize(
    ("version", "number"),
    [("0.7.3", (0, 7, 3)), ("1.2", (1, 2, 0)), ("0.7.4.dev3+gabc123", (0, 7, 4)), ("10", (10, 0, 0)), ("?", (0, 0, 0))],
)
def test_numbers_of_a_version(version: str, number: tuple[int, ...]):
    assert number_of(version) == number
