"""Each way in which a provider can be wrong when it is started, from its package to the status of its stack.

The packages are installed from an index, the check runs in the environment of a real release, and the planner gets what
it left for the pod's status; of the cluster no more is there than the pod that would have said it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.planning.stack.reading import Provider, ProviderState
from llamastack_operator.planning.stack.transitions import transitions
from tests.conformance.checks import run_start_check
from tests.conformance.releases import python_of
from tests.matrix import EVERYTHING
from tests.packages.build import make_wheel
from tests.packages.index import PackageIndex, write_index
from tests.support.environments import UV
from tests.support.start_cases import CASES, ID, RELEASES, TYPE, StartCase, files, packages, run_config
from tests.support.start_checks import answer, checked, report, seen, serving, starting, status
from tests.support.world import pod

DEADLINE = "30"
"""Seconds in which a release is imported, on a machine that does other things too."""
RUN = RELEASES if EVERYTHING else ("0.7.3",)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns a folder with the packages of all cases for a release, installed from an index into it."""

    @cache
    def folder(release: str) -> Path:
        home, made = tmp_path_factory.mktemp("packages"), packages(release)
        index = PackageIndex(write_index([make_wheel(package, home / "wheels") for package in made], home / "index"))
        with index.served():
            command = [UV, "pip", "install", "-q", "--no-deps", "--no-cache", "--python", str(python_of(release))]
            command += ["--default-index", index.simple, "--target", str(home / "packages")]
            subprocess.run([*command, *(f"{package.name}=={package.version}" for package in made)], check=True)
        return home / "packages"

    return folder


def write(name: str, release: str, home: Path) -> None:
    """Write the run config of a case, with the files that a stack would mount."""
    found = files(name)
    for path, text in found.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    folders = {path.partition("/")[0] for path in found}
    places = {"providers.d": "external_providers_dir", "apis.d": "external_apis_dir"}
    directories = {places[folder]: str(home / folder) for folder in folders}
    (home / "run.yaml").write_text(yaml.safe_dump({**run_config(name, release, str(home)), **directories}))


def planned(case: StartCase, stops: bool, message: str) -> dict[str, Any]:
    """Return the status of a stack whose newest pod's check left a message; an older pod serves beside it."""
    old = pod("bot-old-1", revision="old", ready=True)
    deployment = starting(available=1, updated=1, replicas=2) if stops else serving()
    row = Provider(case.api, ID, TYPE, "start-case==1.0", ProviderState.UNKNOWN, "it is looked at where", True)
    return status(seen(deployment, checked(message, stops=stops, ready=not stops), old, row=row))


@pytest.mark.parametrize("release", RUN)
@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_gets_into_the_status(
    name: str, release: str, installed: Callable[[str], Path], tmp_path: Path
) -> None:
    case = CASES[name]
    told = case.told_by(release)
    write(name, release, tmp_path)

    options = ("--termination-log", str(tmp_path / "message"), "--deadline", DEADLINE if case.hangs else "120")
    code, _ = run_start_check(python_of(release), tmp_path, *options, folders=(installed(release),))
    after = planned(case, bool(code), (tmp_path / "message").read_text())

    assert code == int(told.stops)
    conditions = {kind: answer(after, kind) for kind in (*told.conditions, "Ready", "Stalled", "Available")}
    assert {kind: conditions[kind] for kind in told.conditions} == told.conditions
    assert [one["state"] for one in after["providers"]] == [told.row]
    found = [one for one in after.get("findings", []) if one["reason"] == told.reason]
    assert [told.words in one["message"] for one in found] == [True] * bool(told.reason)
    assert all(one["path"].startswith(f"spec.runConfig.providers.{case.api}[0]") for one in found)
    events = {one.reason for one in transitions(status(seen(starting())), after) if one.warning}
    assert events == {one["reason"] for one in after.get("findings", [])}
    if not told.stops:
        assert conditions["Ready"] == ("True", "Ready")
        return
    assert conditions["Ready"] == ("False", told.reason)
    assert conditions["Stalled"][0] == str(told.lasts)
    assert conditions["Available"] == ("True", "OldRevisionServes")
    mended = status(seen(serving(revision="newer"), checked(report(), revision="newer"), status=after))
    assert answer(mended, "Ready") == ("True", "Ready")
    assert "findings" not in mended
