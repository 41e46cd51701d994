"""However a program of a build ends, the operator gets a reason."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from llamastack_operator.images.append.program import run
from llamastack_operator.images.failure import BuildError


@pytest.mark.parametrize(
    ("error", "reason", "retry"),
    [
        (BuildError("RegistryUnreachable", "away", "", retry=True), "RegistryUnreachable", True),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "DiskFull", False),
        (PermissionError(errno.EACCES, "Permission denied", "/secret/place/file"), "BuildFailed", False),
        (KeyError("a mistake"), "BuildFailed", False),
    ],
)
def test_a_failure_leaves_its_reason(tmp_path: Path, error: Exception, reason: str, retry: bool) -> None:
    def work() -> str:
        raise error

    log = tmp_path / "termination-log"
    assert run("push", log, work) == 1
    message = json.loads(log.read_bytes())
    assert (message["reason"], message["retry"], message["step"]) == (reason, retry, "push")
    assert "/secret/place" not in message["message"]


def test_a_success_leaves_what_it_made(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    assert run("push", log, lambda: "{}") == 0
    assert log.read_bytes() == b"{}"


def test_without_a_place_for_it_the_message_is_left_out(tmp_path: Path) -> None:
    assert run("push", tmp_path / "none/termination-log", lambda: "{}") == 0
