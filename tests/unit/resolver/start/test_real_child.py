"""The check in an environment without a release: a check that cannot be made keeps no server from starting."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llamastack_contract.start_report import StartReport
from tests.unit.resolver.start.programs import ROOT


def check(folder: Path, *before: Path) -> tuple[int, dict[str, Any], str]:
    path = os.pathsep.join(map(str, [*before, ROOT / "operator"]))
    done = subprocess.run(
        [sys.executable, "-m", "llamastack_resolver", "start-check", "--config", "run.yaml", "--termination-log=log"],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONPATH": path, "MY_SECRET": "canary"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = StartReport.parse((folder / "log").read_text())
    assert report is not None
    assert report.verdict == "CheckFailed"
    assert report.message == json.loads(done.stdout)["message"]
    return done.returncode, json.loads(done.stdout), done.stderr


def test_where_no_release_is_installed(tmp_path: Path):
    (tmp_path / "run.yaml").write_text("version: 2\nproviders: {}\n")

    status, report, _ = check(tmp_path)

    assert (status, report["message"]) == (0, "neither llama-stack nor ogx is installed here")


def test_where_the_config_cannot_be_read(tmp_path: Path):
    status, report, _ = check(tmp_path)

    assert (status, report["message"]) == (0, "run.yaml: No such file or directory")


@pytest.mark.parametrize(
    "text", ["raise ImportError('no yaml')", "raise RuntimeError('canary')", "import os; os._exit(0)"]
)
def test_where_a_package_of_ours_cannot_be_imported(text: str, tmp_path: Path):
    (tmp_path / "run.yaml").write_text("version: 2\nproviders: {}\n")
    (tmp_path / "before").mkdir()
    (tmp_path / "before/yaml.py").write_text(text)

    status, report, log = check(tmp_path, tmp_path / "before")

    assert status == 0
    assert "check" in report["message"]
    assert "canary" not in report["message"] + log
    assert "Traceback" in log or "_exit" in text
