"""What several processes of pytest find is told as of one, and nothing that goes wrong is passed over."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.run import LANES, run
from tests.support.rungs import RUNGS

GOOD = "def test_one(): ...\ndef test_two(): ...\n"
BAD = "import pytest\ndef test_bad(): assert 'this text' == 'that text'\n@pytest.mark.skip\ndef test_skipped(): ...\n"
ERROR = "import pytest\n@pytest.fixture\ndef broken(): raise OSError\ndef test_error(broken): ...\n"


def command(folder: Path, name: str, text: str) -> Sequence[str]:
    file = folder / f"test_{name}.py"
    file.write_text(text)
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(file)]


@pytest.fixture(autouse=True)
def plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("COLUMNS", "300")


def test_all_rungs_are_in_the_lanes():
    assert sorted(name for lane in LANES for name in lane) == sorted(RUNGS)


def test_the_last_line_counts_all_and_each_failure_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    code = run({"a": command(tmp_path, "good", GOOD), "b": command(tmp_path, "bad", BAD + ERROR)})

    output = capfd.readouterr().out
    assert (code, output.splitlines()[-1]) == (1, "2 passed, 2 failed, 1 skipped")
    assert "assert 'this text' == 'that text'" in output
    assert any(line.startswith("[a] ") and "test_good.py .." in line for line in output.splitlines())


def test_success_is_exit_code_0(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert run({"a": command(tmp_path, "good", GOOD)}) == 0
    assert capfd.readouterr().out.endswith("\n2 passed, 0 failed, 0 skipped\n")


def test_tests_that_did_not_run_are_failures(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    texts = {"good": GOOD, "none": "", "ends": "import os\ndef test_end(): os._exit(0)", "unreadable": "def def"}
    code = run({name: command(tmp_path, name, text) for name, text in texts.items()})

    output = capfd.readouterr().out
    assert (code, output.splitlines()[-1]) == (1, "2 passed, 3 failed, 0 skipped")
    assert "exit code 5" in output
    assert "SyntaxError" in output


def test_the_program_runs_one_rung_with_options():
    words = [sys.executable, "-m", "tests.support.run", "conformance", "--collect-only", "-q", "-k", "no_such_test"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed, 0 skipped")
