"""The program: which command, and what an interpreter that is too old says."""

import ast
import json
from pathlib import Path

import pytest

import llamastack_resolver
from llamastack_contract.start_report import StartReport
from llamastack_resolver import __main__ as program

HOME = Path(llamastack_resolver.__file__).parent
FOR_OLD_ONES = ("__init__.py", "__main__.py", "start/__init__.py", "start/early.py")


@pytest.mark.parametrize("name", FOR_OLD_ONES)
def test_what_an_old_interpreter_reads_first_it_can_read(name: str):
    ast.parse((HOME / name).read_text("utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("equals", [False, True])
def test_an_old_interpreter_says_so_and_keeps_no_server_from_starting(
    equals: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.version_info", (3, 9, 18))
    log = tmp_path / "log"
    options = [f"--termination-log={log}"] if equals else ["--termination-log", str(log)]

    assert program.main(["start-check", "--config", "run.yaml", *options]) == 0

    report = StartReport.parse(log.read_text())
    assert report is not None
    assert (report.verdict, report.message) == (
        "CheckFailed",
        "the check needs Python 3.12 or newer, and this is 3.9.18",
    )
    assert json.loads(capsys.readouterr().out)["verdict"] == "CheckFailed"


def test_a_command_that_it_does_not_have_is_told(capsys: pytest.CaptureFixture[str]):
    assert program.main(["start"]) == 2
    assert "start-check" in capsys.readouterr().err
    assert program.main(["--help"]) == 0
