"""What users are shown is right: it is validated, rendered, and what was rendered is validated as its server reads it.

Builds are taken for done, with made-up digests: whether they can be is shown where there is a package index.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llamastack_operator.cli import main
from tests.support.documented import OTHERS, SHOWN, STACKS, mounted, rendered, shown, write

Capture = pytest.CaptureFixture[str]


def test_what_is_no_stack_is_there() -> None:
    assert OTHERS.keys() <= SHOWN.keys()
    assert not any("kind: LlamaStack" in SHOWN[name] for name in OTHERS)


@pytest.mark.parametrize("name", STACKS)
def test_what_is_shown_has_no_errors(name: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["validate", write(tmp_path / "shown.yaml", shown(name))]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", STACKS)
def test_what_it_becomes_has_none_as_the_server_reads_it(name: str, tmp_path: Path, capsys: Capture) -> None:
    bodies = shown(name)
    found = rendered(tmp_path / "shown.yaml", bodies)
    stacks = {body["metadata"]["name"]: body for body in bodies if body.get("kind") == "LlamaStack"}
    deployments = [body for body in found if body["kind"] == "Deployment"]
    assert [body["metadata"]["name"] for body in deployments] == list(stacks)
    for deployment in deployments:
        stack = stacks[deployment["metadata"]["name"]]
        release = stack["spec"]["distribution"]["release"]
        config = mounted(deployment, found, tmp_path / deployment["metadata"]["name"])
        version = f"{release['package']}-{release['version']}"
        assert main(["validate", "--stack-version", version, str(config)]) == 0, capsys.readouterr().out
