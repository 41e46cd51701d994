"""``setup`` is what `make test` calls first: it must exist, say what cannot run, and fail for that only under CI."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.cluster import CannotRunError, ClusterError, setup
from tests.cluster.__main__ import main

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what would be built and installed, as root and outside CI, instead of doing it."""
    calls: list[str] = []
    monkeypatch.setattr(setup, "need_root", lambda what: None)
    monkeypatch.setattr(setup, "install_packages", lambda: calls.append("packages"))
    monkeypatch.setattr(setup, "binaries", calls.append)
    monkeypatch.setattr(setup, "ensure_images", lambda: calls.append("images"))
    monkeypatch.setattr(sys, "argv", ["tests.cluster", "setup"])
    monkeypatch.delenv("CI", raising=False)
    return calls


def refuse(*_: str) -> None:
    """Stand for anything this machine lacks."""
    raise CannotRunError("something is missing")


def fail(*_: str) -> None:
    """Stand for a build that breaks."""
    raise ClusterError("the build broke")


def test_setup_prepares_everything_the_fixtures_need(built: list[str]) -> None:
    assert main() == 0
    assert set(built) == {"kube", "helm", "containerd", "pause", "packages", "images"}


@pytest.mark.parametrize(("environment", "status"), [({}, 0), ({"CI": "true"}, 1)])
def test_a_missing_level_is_said_and_fails_only_under_ci(
    built: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    status: int,
) -> None:
    monkeypatch.setattr(setup, "need_root", refuse)
    for name, value in environment.items():
        monkeypatch.setitem(os.environ, name, value)

    assert main() == status
    assert built == ["kube", "helm"]
    assert "no node: something is missing" in capsys.readouterr().err


def test_a_broken_build_fails_everywhere(built: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "binaries", fail)

    assert main() == 1


@pytest.mark.parametrize("command", sorted(set(re.findall(r"-m tests\.cluster (\w+)", MAKEFILE.read_text()))))
def test_the_makefile_calls_commands_that_exist(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tests.cluster", command, "--help"])

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
