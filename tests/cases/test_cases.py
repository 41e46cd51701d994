"""Files that people really have, reduced: what is said of each, and where.

Each folder holds the files and their verdict: the commands, the exit status, and all errors and warnings that may
come; what only may come is `allowed`. Public repositories and reports of users are where they come from, and a real
release was asked wherever the verdict says what it does.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.cli import main

CASES = Path(__file__).parent
CANNOT_RUN = 2


@dataclass(frozen=True)
class Verdict:
    """What one command says.

    Attributes:
        command: the arguments, run in a copy of the folder without the verdict.
        status: the exit status.
        findings: what has to be said: keys of findings in JSON reports, and `words` that message and hint hold.
        allowed: what may be said as well.
        says: texts that the report for people holds.
        sarif: file and line of results in SARIF, all of them.
    """

    command: str
    status: int
    findings: list[dict[str, Any]] = field(default_factory=list)
    allowed: list[dict[str, Any]] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    sarif: list[dict[str, Any]] = field(default_factory=list)


def verdicts() -> Iterator[Any]:
    for file in sorted(CASES.glob("*/verdict.yaml")):
        for entry in yaml.safe_load(file.read_text()):
            verdict = Verdict(**entry)
            yield pytest.param(file.parent, verdict, id=f"{file.parent.name}: {verdict.command}")


def fits(finding: dict[str, Any], wanted: dict[str, Any]) -> bool:
    text = f"{finding['message']} {finding.get('hint', '')}"
    keys = {key: value for key, value in wanted.items() if key != "words"}
    return all(finding.get(key) == value for key, value in keys.items()) and all(
        word in text for word in wanted.get("words", [])
    )


@pytest.mark.parametrize(("folder", "verdict"), list(verdicts()))
def test_a_case_is_judged_as_the_release_judges_it(
    folder: Path,
    verdict: Verdict,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    files = shutil.copytree(folder, tmp_path / "case", ignore=shutil.ignore_patterns("verdict.yaml"))
    monkeypatch.chdir(files)
    arguments = verdict.command.split()

    status = main(arguments)
    printed = "".join(capsys.readouterr())

    assert status == verdict.status, printed
    assert [text for text in verdict.says if text not in printed] == []
    if arguments[0] == "validate" and status != CANNOT_RUN:
        assert_findings(arguments, verdict, capsys)


def assert_findings(arguments: list[str], verdict: Verdict, capsys: pytest.CaptureFixture[str]) -> None:
    main([*arguments, "-o", "json"])
    documents = json.loads(capsys.readouterr().out)["documents"]
    findings = [finding for document in documents for finding in document["findings"]]
    told = json.dumps(findings, indent=1)

    assert [wanted for wanted in verdict.findings if not any(fits(one, wanted) for one in findings)] == [], told
    expected = [*verdict.findings, *verdict.allowed]
    serious = [one for one in findings if one["severity"] != "info"]
    assert [one for one in serious if not any(fits(one, wanted) for wanted in expected)] == []
    assert len(serious) <= sum(wanted["severity"] != "info" for wanted in expected), told
    if verdict.sarif:
        main([*arguments, "-o", "sarif"])
        results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
        places = [result["locations"][0]["physicalLocation"] for result in results]
        assert [
            {"uri": place["artifactLocation"]["uri"], "line": place["region"]["startLine"]} for place in places
        ] == verdict.sarif


def test_every_case_has_a_verdict():
    folders = {path.name for path in CASES.iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert folders == {file.parent.name for file in CASES.glob("*/verdict.yaml")}
