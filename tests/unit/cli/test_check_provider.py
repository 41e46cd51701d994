"""`llamastack check-provider`: what is asked, what is printed, and the exit status.

There is no release in the environment of these tests, so what is told of a module is told by a program of the test's in
place of the process that looks at it; with real releases see tests/conformance/test_check_provider.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator import catalog
from llamastack_operator.cli import main
from llamastack_operator.cli.parser import build_parser
from llamastack_resolver.releases import Release
from llamastack_resolver.start import process
from tests.support.documented import blocks

HEAD = """
import json, os, signal, sys, time
pipe, *options = sys.argv[1:]
def tell(*message):
    os.write(int(pipe), json.dumps(message).encode() + b"\\n")
def at(doing, path="module", **whose):
    tell("at", {"doing": doing, "reason": "ModuleImportFailed", "path": path, **whose})
def finding(severity, reason, path):
    tell("finding", {"severity": severity, "reason": reason, "message": "it is\\x1b[2J so", "path": path, "hint": "do"})
def state(word):
    whose = {"api": "safety", "id": "remote::mine", "type": "remote::mine", "module": "mine"}
    tell("state", {**whose, "state": word, "message": "looked at"})
tell("release", "0.7.3")
"""
Capture = pytest.CaptureFixture[str]
Telling = Callable[[str], list[list[str]]]


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> Telling:
    """Put a program in place of the check; the options that it gets are in the list that is returned."""

    def put(program: str) -> list[list[str]]:
        seen: list[list[str]] = []

        def command(options: Sequence[str], pipe: int, check: str) -> list[str]:
            assert check == "llamastack_resolver.start.module_child"
            seen.append(list(options))
            return [sys.executable, "-c", HEAD + program, str(pipe), *options]

        monkeypatch.setattr(process, "command", command)
        return seen

    return put


def check(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    status = main(["check-provider", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_without_findings_it_says_so_and_exits_with_0(telling: Telling, capsys: Capture):
    telling("state('Imported')\ntell('done')")

    status, out, _ = check(capsys, "mine")

    assert status == 0
    assert out == "mine with 0.7.3\n  safety  remote::mine  Imported  looked at\nnothing is wrong\n"


@pytest.mark.parametrize(("severity", "expected"), [("error", 1), ("warning", 0), ("info", 0)])
def test_only_errors_make_the_exit_status_1(severity: str, expected: int, telling: Telling, capsys: Capture):
    telling(f"finding({severity!r}, 'SpecMissing', 'module')\ntell('done')")

    status, out, _ = check(capsys, "mine")

    assert status == expected
    assert f"  {severity:<7} module  SpecMissing\n          it is [2J so\n          -> do\n" in out


def test_json_has_what_a_pipeline_needs(telling: Telling, capsys: Capture):
    telling("finding('warning', 'A', '.')\nfinding('error', 'B', 'module')\nstate('Failed')\ntell('done')")

    status, out, _ = check(capsys, "mine", "-o", "json")

    report: dict[str, Any] = json.loads(out)
    assert (status, [one["reason"] for one in report.pop("findings")]) == (1, ["B", "A"])
    provider = {"api": "safety", "type": "remote::mine", "state": "Failed", "message": "looked at"}
    assert report == {"stackVersion": "0.7.3", "module": "mine", "version": None, "providers": [provider]}


def test_the_version_is_that_of_the_installed_distribution(telling: Telling, capsys: Capture):
    """Of a package that the tests themselves stand on."""
    telling("tell('done')")

    _, out, _ = check(capsys, "yaml", "-o", "json")

    assert json.loads(out)["version"].startswith("6.")


@pytest.mark.parametrize(
    ("end", "words", "options"),
    [
        ("os._exit(0)", "ended the process, with status 0", ()),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL, as at a limit of memory", ()),
        ("time.sleep(1e6)", "not started after 6 s", ("--deadline", "6")),
    ],
)
def test_a_module_that_ends_or_holds_up_its_check_is_told(
    end: str, words: str, options: tuple[str, ...], telling: Telling, capsys: Capture
):
    telling(f"at('importing mine')\n{end}")

    status, out, _ = check(capsys, "mine", "-o", "json", *options)

    (finding,) = json.loads(out)["findings"]
    assert (status, finding["message"]) == (1, f"importing mine: {words}")
    assert (finding["reason"], finding["path"]) == ("ModuleImportFailed", "module")


def test_a_module_that_is_not_installed_is_told_and_exits_with_2(telling: Telling, capsys: Capture):
    telling("finding('error', 'ModuleNotFound', 'module')\ntell('done')")

    status, out, _ = check(capsys, "mine", "-o", "json")

    assert (status, json.loads(out)["findings"][0]["reason"]) == (2, "ModuleNotFound")


def test_what_keeps_the_check_from_being_made_is_said_beside_what_was_found(telling: Telling, capsys: Capture):
    telling("finding('warning', 'SpecMissing', 'module')\ntell('failed', 'it has several')")

    status, out, err = check(capsys, "mine", "-o", "json")

    assert (status, err) == (2, "llamastack: it has several\n")
    assert json.loads(out)["message"] == "it has several"
    assert json.loads(out)["findings"]


def test_the_options_reach_the_process_that_looks(telling: Telling, capsys: Capture, tmp_path: Path):
    seen = telling("assert os.path.isdir(options[3])\ntell('done')")

    status, _, err = check(capsys, "mine==1.0", "--type", "remote::mine", "--config", "mine.yaml")

    assert (status, err) == (0, "")
    ((module, kind, config, scratch),) = seen
    assert (module, kind, config) == ("mine==1.0", "remote::mine", "mine.yaml")
    assert not Path(scratch).exists(), "what a start needs goes with it"


def test_a_check_that_is_ended_takes_along_what_it_started(telling: Telling, capsys: Capture, tmp_path: Path):
    file = tmp_path / "process"
    telling(
        f"print(os.getpid(), file=open({str(file)!r}, 'w'), flush=True)\nos.kill(os.getppid(), 15)\ntime.sleep(1e6)"
    )

    assert check(capsys, "mine")[0] == 2
    assert not Path("/proc", file.read_text().strip()).exists()


def test_a_provider_that_is_looked_at_and_then_started_has_one_state(telling: Telling, capsys: Capture):
    planned = {"api": "safety", "id": "remote::mine", "type": "remote::mine", "state": "Unproven"}
    telling(f"tell('planned', {planned})\ntell('planned', {planned})\ntell('failed', 'it could not be started')")

    _, out, _ = check(capsys, "mine", "-o", "json")

    assert [one["state"] for one in json.loads(out)["providers"]] == ["Unproven"]


def test_without_a_release_it_says_where_to_run_it(capsys: Capture):
    status, out, err = check(capsys, "mine")

    assert (status, out) == (2, "")
    assert err.startswith("llamastack: neither llama-stack nor ogx is installed here: run it in the environment")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_deadline_is_more_than_nothing(seconds: str, capsys: Capture):
    assert check(capsys, "mine", f"--deadline={seconds}")[0] == 2


def test_the_pipeline_of_the_how_to_names_releases_and_options_that_there_are():
    (block,) = blocks("docs/check-provider.md")
    (job,) = yaml.safe_load(block)["jobs"].values()
    for package in job["strategy"]["matrix"]["release"]:
        name, _, version = package.partition("==")
        assert Release(name, version) in catalog.releases()
    runs = [step["run"] for step in job["steps"] if "check-provider" in step.get("run", "")]
    for run in runs:
        arguments = run.split()[1:]
        parsed = build_parser(arguments).parse_args(arguments)
        assert parsed.command == "check-provider"
    assert len(runs) == 2
