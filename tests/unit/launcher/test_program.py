"""The start program on Pythons that cannot run it as it is.

An old version is made up: its number is what is looked at.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import llamastack_launcher
from llamastack_contract.start_report import StartReport
from tests.unit.launcher.image import Image

OLD = "the image's Python is 3.6.9, and 3.12 or newer is needed"
READABLE = ("__init__", "__main__", "command", "old_python", "options")
RUN = """
import sys
sys.version_info = (3, 6, 9)
sys.path.insert(0, sys.argv.pop(1))
from llamastack_launcher.__main__ import main
status = main(sys.argv[1:])
ours = sorted(name for name in sys.modules if name.startswith("llamastack"))
print(status, *ours)
"""


def run_old(image: Image, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-c", RUN, str(image.program), *arguments]
    return subprocess.run(command, env=image.variables, capture_output=True, text=True, check=True)


def test_an_old_python_checks_nothing_and_lets_the_server_start(image: Image):
    done = run_old(image, "check", "--config", "F", "--termination-log", str(image.log))
    status, *ours = done.stdout.split()
    assert status == "0"
    assert done.stderr == f"start-check: {OLD}\n"
    report = StartReport.parse(image.log.read_text())
    assert report == StartReport("CheckFailed", message=OLD, started=False)
    assert report.to_text() == image.log.read_text()
    names = {"llamastack_launcher", *(f"llamastack_launcher.{name}" for name in READABLE[1:])}
    assert set(ours) <= names, "nothing else must be readable by an old Python"


def test_an_old_python_becomes_the_server(image: Image):
    image.server("print(os.getpid(), sys.argv[1:])")
    command = [sys.executable, "-S", "-c", RUN, str(image.program), "serve", *image.options()]
    with subprocess.Popen(
        command, env=image.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        out, err = process.communicate()
    assert out == f"{process.pid} {['stack', 'run', "/etc/it's {odd}.yaml", '--port', '8321']}\n"
    assert err == f"the server runs without the launcher: {OLD}\n"


def test_an_old_python_says_so_where_there_is_no_release(image: Image):
    done = run_old(image, "serve", *image.options(release=None))
    assert done.stdout.split()[0] == "1"
    assert "no llama-stack >= 0.2.12 and no ogx >= 0.8 in this image" in done.stderr


def test_an_old_python_says_so_where_there_is_no_server(image: Image):
    done = run_old(image, "serve", *image.options())
    assert done.stdout.split()[0] == "1"
    assert "llama: No such file or directory" in done.stderr


@pytest.mark.parametrize("name", READABLE)
def test_what_an_old_python_imports_is_readable_by_it(name: str):
    source = (Path(llamastack_launcher.__file__).parent / f"{name}.py").read_text()
    ast.parse(source, feature_version=(3, 7))
    assert "from __future__ import annotations" not in source, "Python 3.6 has no such feature"


def test_a_check_that_cannot_even_be_imported_lets_the_server_start(image: Image):
    """An image without PyYAML, or with one that is damaged."""
    (image.folder / "site" / "yaml.py").write_text("raise ImportError('damaged')")
    command = [sys.executable, "-S", str(image.program), "check", "--config", "F", "--termination-log", str(image.log)]
    done = subprocess.run(command, env=image.variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    report = StartReport.parse(image.log.read_text())
    assert report is not None
    assert report.verdict == "CheckFailed"
    assert report.message.startswith("the check cannot be imported here: ImportError: damaged")


def test_the_check_is_that_of_the_resolver(image: Image):
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, str(image.program), "check", "--help"]
    done = subprocess.run(command, env={**image.variables, "PYTHONPATH": packages}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "start-check" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["start"], ["--help"]])
def test_another_word_is_refused(image: Image, arguments: list[str]):
    command = [sys.executable, "-S", str(image.program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: check|serve OPTIONS\n")


def test_the_launcher_imports_nothing_that_takes_long(image: Image):
    """An image without bytecode compiles all that is imported here, at each start of its server."""
    code = (
        f"import sys; sys.path.insert(0, {str(image.program)!r}); import llamastack_launcher.serve; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    slow = {"argparse", "asyncio", "dataclasses", "importlib.metadata", "json", "re", "subprocess", "typing"}
    assert not slow & {*done.stdout.split()}
