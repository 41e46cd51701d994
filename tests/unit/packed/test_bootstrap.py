"""What a pod's template runs, run as a pod runs it: nothing but the bytes that the operator wrote gets to run.

The processes are real, and `llama` is a few lines that tell who runs them. `/tmp` is a folder of each test's own.
"""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_operator.packed import bootstrap
from llamastack_operator.packed.bootstrap import BOOTSTRAP, bootstrap_command
from llamastack_operator.packed.start_program import start_program, start_program_digest

TELLS = f"""#!{sys.executable}
import os, sys
print(sys.argv[1:])
print([word for word in open(f"/proc/{{os.getppid()}}/cmdline").read().split(chr(0)) if word != "-S"][1])
sys.exit(3)
"""
REFUSED = "the start program in ConfigMap of-start is not the one that the operator wrote: "
SERVES = ("--release", "llama-stack", "0.7.3", "--port", "8321")


UNKNOWN = (
    *("#!/usr/bin/env python3", "#!/bin/sh", "#!/nowhere/python3", "", "#!", "\x7fELF\0"),
    f"#!{sys.executable}",
)


class Pod:
    """A folder with what a pod has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "mounted here" / "start.pyz"
        self.program.parent.mkdir()
        self.program.write_bytes(start_program())
        self.log = folder / "termination log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        (folder / "bin").mkdir()
        self.command("llama", TELLS)
        self.variables = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}"}
        self.text = BOOTSTRAP.replace('"/tmp/', f'"{self.temporary}/')
        self.python = sys.executable

    def command(self, name: str, text: str) -> Path:
        """Put a program on the PATH."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, mode: Literal["check", "serve"] = "serve", *options: str) -> subprocess.CompletedProcess[str]:
        """Run the bootstrap."""
        options = (*options, "--termination-log", str(self.log))
        written = bootstrap_command(str(self.program), start_program_digest(), "of-start", mode, *options)
        assert written[:3] == ["python3", "-c", BOOTSTRAP]
        return subprocess.run(
            [self.python, "-S", "-c", self.text, *written[3:]],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def serve(self) -> list[str]:
        """Run a server, and return what it tells."""
        done = self.run("serve", "--config", "a config's {path}", *SERVES)
        assert done.returncode == 3, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    folder = tmp_path / "a pod"
    folder.mkdir()
    return Pod(folder)


def test_the_program_that_the_operator_wrote_runs_with_its_options(pod: Pod):
    told, launcher = pod.serve()
    assert told == str(["stack", "run", "a config's {path}", "--port", "8321"])
    assert launcher == "-c", "the bootstrap itself becomes the launcher"


@pytest.mark.parametrize("mode", ["check", "serve"])
def test_of_another_program_nothing_runs(pod: Pod, mode: Literal["check", "serve"]):
    ran = pod.folder / "ran"
    code = f"open({str(ran)!r}, 'w')\n"
    for content in (code.encode(), start_program() + b"\0", start_program()[:-1], b""):
        pod.program.write_bytes(content)
        done = pod.run(mode)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"{REFUSED}its SHA-256 is another one\n"
        assert pod.log.read_text() == f"{REFUSED}its SHA-256 is another one"
    assert not ran.exists()
    assert not [*pod.temporary.iterdir()]


@pytest.mark.parametrize("mode", ["check", "serve"])
def test_a_program_that_is_not_there_is_refused(pod: Pod, mode: Literal["check", "serve"]):
    pod.program.unlink()
    done = pod.run(mode)
    assert done.returncode == 1
    assert done.stderr == f"{REFUSED}{pod.program}: No such file or directory\n"
    assert pod.log.read_text() == f"{REFUSED}{pod.program}: No such file or directory"


def test_what_runs_is_a_copy_that_nobody_else_can_read_or_replace(pod: Pod):
    pod.serve()
    (private,) = pod.temporary.iterdir()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.name == f"llamastack-serve-{start_program_digest()[:16]}.pyz"
    assert private.read_bytes() == start_program()


def test_a_file_or_link_in_the_place_of_the_copy_is_not_written_through(pod: Pod):
    """As an earlier start of the container leaves one, or somebody else who can write there."""
    pod.serve()
    (private,) = pod.temporary.iterdir()
    victim = pod.folder / "victim"
    victim.write_text("as it was")
    private.unlink()
    private.symlink_to(victim)
    pod.serve()
    assert victim.read_text() == "as it was"
    assert private.read_bytes() == start_program()
    assert not private.is_symlink()


def test_where_no_copy_can_be_made_the_check_lets_the_server_start(pod: Pod):
    (pod.temporary / f"llamastack-check-{start_program_digest()[:16]}.pyz").mkdir()
    done = pod.run("check")
    assert done.returncode == 0
    report = StartReport.parse(pod.log.read_text())
    assert report is not None
    assert (report.verdict, report.message) == ("CheckFailed", done.stderr.strip())
    assert report.message.startswith("the start program cannot be written to ")


def test_where_no_copy_can_be_made_the_launcher_says_so(pod: Pod):
    pod.temporary.rmdir()
    done = pod.run("serve")
    assert done.returncode == 1
    assert done.stderr.startswith("the start program cannot be written to ")
    assert pod.log.read_text() == done.stderr.strip()


def test_a_message_that_cannot_be_written_changes_nothing(pod: Pod):
    pod.log.mkdir()
    pod.program.unlink()
    assert pod.run().returncode == 1


def test_nothing_of_the_working_directory_is_imported(pod: Pod):
    for name in ("hashlib", "llamastack_launcher", "select"):
        (pod.folder / f"{name}.py").write_text("raise RuntimeError")
    pod.serve()


def test_packages_of_the_image_do_not_take_the_place_of_ours(pod: Pod):
    (pod.folder / "llamastack_launcher.py").write_text("raise RuntimeError")
    pod.variables["PYTHONPATH"] = str(pod.folder)
    pod.serve()


def test_children_can_run_the_same_program(pod: Pod):
    """The check starts its children with `sys.argv[0]`."""
    run = "from llamastack_launcher.__main__ import run"
    pod.text = pod.text.replace(run, "print(*sys.argv[:2], sys.path[0], sep=chr(10)); run = exit")
    program, mode, place = pod.run("check").stdout.splitlines()
    assert (mode, place) == ("check", program)
    assert Path(program).read_bytes() == start_program()


class TestInterpreter:
    """The release's own interpreter is taken where the first line of its command names another one."""

    @pytest.fixture
    def other(self, pod: Pod) -> Path:
        """An interpreter that lies elsewhere, and tells that it was taken."""
        folder = pod.folder.parent / "other"
        folder.mkdir()
        path = folder / "python"
        path.write_text(f'#!/bin/sh\necho other python\nexec {sys.executable} "$@"\n')
        path.chmod(0o755)
        return path

    def taken(self, pod: Pod) -> bool:
        first, *rest = pod.serve()
        if first != "other python":
            return False
        assert rest[1].startswith(str(pod.temporary)), "it runs the copy that was compared"
        return True

    def test_in_the_first_line(self, pod: Pod, other: Path):
        pod.command("ogx", f"#!{other}\n")
        assert self.taken(pod)

    def test_in_the_second_line_as_a_path_with_blanks(self, pod: Pod, other: Path):
        place = other.parent / "with blanks"
        place.mkdir()
        moved = other.rename(place / "python3.12")
        pod.command("ogx", f"#!/bin/sh\n'''exec' \"{moved}\" \"$0\" \"$@\"\n' '''\n")
        assert self.taken(pod)

    def test_in_the_second_line_without_quotes(self, pod: Pod, other: Path):
        pod.command("ogx", f"#!/bin/sh\n'''exec' {other} \"$0\" \"$@\"\n' '''\n")
        assert self.taken(pod)

    def test_beside_a_command_that_can_be_moved(self, pod: Pod, other: Path):
        script = other.parent / "ogx"
        script.write_text(
            "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n"
        )
        (pod.folder / "bin" / "ogx").symlink_to(script)
        assert self.taken(pod)

    def test_the_check_runs_there_too(self, pod: Pod, other: Path):
        pod.command("ogx", f"#!{other}\n")
        assert pod.run("check").stdout.startswith("other python\n")

    @pytest.mark.parametrize("first", UNKNOWN)
    def test_any_other_command_changes_nothing(self, pod: Pod, other: Path, first: str):
        pod.command("ogx", f"{first}\n")
        assert not self.taken(pod)

    def test_a_virtual_environment_is_another_one_though_it_links_to_the_same_python(self, pod: Pod):
        folder = pod.folder.parent / "environment"
        folder.mkdir()
        (folder / "python").symlink_to(Path(sys.executable).resolve())
        pod.command("ogx", f"#!{folder / 'python'}\n")
        assert pod.serve()[1].startswith(str(pod.temporary))


def test_an_old_python_checks_nothing_and_starts_the_server(pod: Pod):
    """The number of the version is what is looked at; the text itself is read by a parser of that version."""
    ast.parse(BOOTSTRAP, feature_version=(3, 7))
    pod.text = f"import sys; sys.version_info = (3, 6, 9)\n{pod.text}"
    done = pod.run("check")
    assert done.returncode == 0
    report = StartReport.parse(pod.log.read_text())
    assert report is not None
    assert report.verdict == "CheckFailed"
    assert pod.serve()[0] == str(["stack", "run", "a config's {path}", "--port", "8321"])


def test_kubernetes_replaces_nothing_in_the_text():
    assert "$(" not in BOOTSTRAP


def test_the_text_is_short():
    lines = [line for line in BOOTSTRAP.splitlines() if line.strip()]
    assert len(lines) < 60
    assert len(BOOTSTRAP) < 4000
    assert BOOTSTRAP.count('"/tmp/') == 1
    assert bootstrap.__doc__
